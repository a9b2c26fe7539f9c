import CSQLite
import Engines
import FleetModel

/// SQLite through its C API and nothing else: what a program does that owns its file alone.
///
/// The pragmas are those of a tenant, and it checkpoints at the same size, by SQLite's own doing.
final class RawSQLite {
    let handle: OpaquePointer
    let path: String

    init(_ path: String) throws {
        self.path = path
        // As a node has it: without the memory statistics, whose mutex would slow both sides.
        SQLiteRuntime.start()
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        guard sqlite3_open_v2(path, &opened, flags, nil) == SQLITE_OK, let opened else {
            throw BerthError(.diskUnavailable, "SQLite cannot open \(path).")
        }
        handle = opened
        let options = TenantPragmas()
        for pragma in options.statements { try run(pragma) }
    }

    deinit { sqlite3_close_v2(handle) }

    func run(_ sql: String) throws {
        var message: UnsafeMutablePointer<CChar>?
        defer { sqlite3_free(message) }
        guard sqlite3_exec(handle, sql, nil, nil, &message) == SQLITE_OK else {
            throw WorkLost("SQLite refuses “\(sql)”: \(message.map { String(cString: $0) } ?? "?")")
        }
    }

    func prepare(_ sql: String) throws -> RawStatement { try RawStatement(sql, of: self) }

    /// All rows as texts; `nil` is NULL.
    func rows(_ sql: String) throws -> [[String?]] {
        let statement = try prepare(sql)
        var rows: [[String?]] = []
        while try statement.step() { rows.append(statement.texts) }
        return rows
    }

    func failure(_ code: Int32) -> WorkLost { WorkLost("SQLite answers \(code): \(String(cString: sqlite3_errmsg(handle)))") }
}

/// What `SQLiteConnection` sets for a tenant by default.
struct TenantPragmas {
    let statements = [
        "PRAGMA page_size = 4096", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA temp_store = MEMORY",
        "PRAGMA cache_size = -2048",
        // 4 MiB, the size at which a tenant's log is checkpointed.
        "PRAGMA wal_autocheckpoint = 1024",
    ]
}
