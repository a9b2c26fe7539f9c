import FleetModel

/// What `schema_migrations` says was applied.
struct SchemaHistory {
    struct Entry: Equatable {
        let number: Int
        let name: String
        let checksum: String
        /// The oldest number of migrations a program may know to work on the schema after this one; `nil` for none but itself.
        var compatibleFrom: Int?
    }

    /// In ascending order of number.
    let applied: [Entry]

    /// The migrations of `known` still to be applied, in order; none when a newer program applied more, all of which say that this
    /// one can live with them.
    ///
    /// - Throws: `BerthError` with code `schema_mismatch` when the history is neither a beginning of `known` nor such a
    ///   continuation of it.
    func pending(of known: [Migration]) throws(BerthError) -> ArraySlice<Migration> {
        if let stranger = applied.first(where: { $0.number > known.count && ($0.compatibleFrom ?? .max) > known.count }) {
            throw BerthError(
                .schemaMismatch,
                "The database's schema is at migration \(applied.last?.number ?? 0), this program knows only \(known.count), and "
                    + "\(stranger.number) (\(stranger.name)) is not for programs that do not know it. Run the newer berth everywhere; "
                    + "there is no way back to an older schema.")
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
        return known.dropFirst(applied.count)
    }
}
