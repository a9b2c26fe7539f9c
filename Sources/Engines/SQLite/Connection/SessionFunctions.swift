import CSQLite
import FleetModel

/// `changes()` and `total_changes()` of the client that has the connection, in place of SQLite's own.
///
/// SQLite counts per connection and has no way to set either number, so both functions are replaced: they take what SQLite
/// counted, less what it had counted when the client got the connection. `last_insert_rowid()` can be set, and stays SQLite's.
///
/// Owned by the connection's context and confined to its lane, like the functions: SQLite calls them inside its own.
/// Source: <https://www.sqlite.org/lang_corefunc.html#changes>.
final class SessionFunctions {
    /// As the client brought them.
    private var brought = SessionCounters()
    /// SQLite's `total_changes()` when the client got the connection.
    private var totalBefore: Int64 = 0
    /// The client has run a statement that changes rows; it may have found none to change.
    var hasChanged = false

    /// - Parameter functions: must outlive the connection.
    static func install(on handle: OpaquePointer, _ functions: SessionFunctions) {
        let context = Unmanaged.passUnretained(functions).toOpaque()
        // Innocuous like those they replace: triggers and views may use them.
        let flags = SQLITE_UTF8 | SQLITE_INNOCUOUS
        sqlite3_create_function_v2(
            handle, "changes", 0, flags, context,
            { context, _, _ in SessionFunctions.answer(context) { $0.changes(of: $1) } }, nil, nil, nil)
        sqlite3_create_function_v2(
            handle, "total_changes", 0, flags, context,
            { context, _, _ in SessionFunctions.answer(context) { $0.totalChanges(of: $1) } }, nil, nil, nil)
    }

    func begin(_ counters: SessionCounters, on handle: OpaquePointer) {
        brought = counters
        totalBefore = sqlite3_total_changes64(handle)
        hasChanged = false
        sqlite3_set_last_insert_rowid(handle, counters.lastInsertRowID)
    }

    func counters(of handle: OpaquePointer) -> SessionCounters {
        SessionCounters(
            lastInsertRowID: sqlite3_last_insert_rowid(handle), changes: changes(of: handle), totalChanges: totalChanges(of: handle))
    }

    private func changes(of handle: OpaquePointer) -> Int64 {
        hasChanged || sqlite3_total_changes64(handle) != totalBefore ? sqlite3_changes64(handle) : brought.changes
    }

    private func totalChanges(of handle: OpaquePointer) -> Int64 {
        brought.totalChanges + sqlite3_total_changes64(handle) - totalBefore
    }

    private static func answer(_ context: OpaquePointer?, _ value: (SessionFunctions, OpaquePointer) -> Int64) {
        guard let context, let pointer = sqlite3_user_data(context), let handle = sqlite3_context_db_handle(context) else { return }
        // The connection's context keeps this object for as long as the connection is open.
        sqlite3_result_int64(context, value(Unmanaged<SessionFunctions>.fromOpaque(pointer).takeUnretainedValue(), handle))
    }
}
