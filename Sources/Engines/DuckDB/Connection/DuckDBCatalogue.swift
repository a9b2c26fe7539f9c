import Synchronization

/// How often what statements are compiled against may have changed: tables, views, macros, types, settings.
///
/// DuckDB itself notices a changed table, but not that a rolled back transaction took one with it, nor a view, macro or type that a
/// plan was made of: such a plan goes on answering as before. So nothing compiled is kept beyond the version it was compiled at.
///
/// Shared by a database and its connections, on any thread.
final class DuckDBCatalogue: Sendable {
    private let changes = Atomic<UInt64>(0)

    var version: UInt64 { changes.load(ordering: .acquiring) }

    func changed() { changes.add(1, ordering: .acquiringAndReleasing) }
}

extension DuckDBConnection {
    /// Right before and right after a statement, whether it succeeds or not.
    func noteCatalogueChange(by statement: DuckDBStatement) {
        guard statement.type.mayChangeCatalogue else { return }
        catalogue.changed()
        if transaction != .none { changedCatalogue = true }
    }

    /// What the transaction changed becomes visible to others with its end, or vanishes. What it compiled, it compiled against what was there at
    /// its beginning, whatever others have changed since.
    func noteTransaction(after former: Transaction) {
        if former == .none && transaction != .none { versionAtBegin = catalogue.version }
        guard former != .none && transaction == .none else { return }
        if changedCatalogue { catalogue.changed() }
        changedCatalogue = false
        if versionAtBegin != catalogue.version { cache.removeAll() }
    }
}
