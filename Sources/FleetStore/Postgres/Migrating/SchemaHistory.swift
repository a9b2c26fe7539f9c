import FleetModel

/// What `schema_migrations` says was applied.
struct SchemaHistory {
    struct Entry: Equatable {
        let number: Int
        let name: String
        let checksum: String
    }

    /// In ascending order of number.
    let applied: [Entry]

    /// The migrations of `known` still to be applied, in order.
    ///
    /// - Throws: `BerthError` with code `schema_mismatch` when the history is not a beginning of `known`.
    func pending(of known: [Migration]) throws(BerthError) -> ArraySlice<Migration> {
        if let last = applied.last, last.number > known.count {
            throw BerthError(
                .schemaMismatch,
                "The database's schema is at migration \(last.number) (\(last.name)), this program knows only "
                    + "\(known.count). Run the newer berth everywhere; there is no way back to an older schema.")
        }
        for (entry, migration) in zip(applied, known) {
            guard entry.number == migration.number else {
                throw BerthError(
                    .schemaMismatch,
                    "Migration \(migration.number) (\(migration.name)) is missing from schema_migrations although "
                        + "\(entry.number) was applied. Restore the table from a backup; do not edit it.")
            }
            guard entry.checksum == migration.checksum else {
                throw BerthError(
                    .schemaMismatch,
                    "Migration \(entry.number) (\(entry.name)) was applied with a different text than this program's. "
                        + "This is not a released berth, or the database belongs to another program: point berth at its "
                        + "own database, or install the release that made this schema.")
            }
        }
        return known[applied.count...]
    }
}
