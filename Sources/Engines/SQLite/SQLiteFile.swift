import CSQLite
public import FleetModel

/// A SQLite main file that no one has open, taken as pages.
public enum SQLiteFile {
    /// The page SQLite never uses, because its POSIX locks lie on its first bytes (at 1 GiB).
    static func lockPage(pageSize: Int) -> UInt64 { UInt64((1 << 30) / pageSize + 1) }

    /// Checks the structure of a database that has no WAL. Reads every page; leaves nothing beside the file.
    ///
    /// - Throws: `SQLITE_CORRUPT` with what was found, `SQLITE_NOTADB`, `SQLITE_CANTOPEN`.
    public static func quickCheck(_ path: String) throws(SQLError) {
        let findings = try texts(of: "PRAGMA quick_check(20)", in: path)
        guard findings == ["ok"] else {
            throw SQLError(code: "SQLITE_CORRUPT", message: findings.joined(separator: "; "))
        }
    }

    /// Reads the header and the schema of a database that has no WAL, as every opening does.
    ///
    /// - Throws: `SQLITE_CORRUPT`, `SQLITE_NOTADB`, `SQLITE_CANTOPEN`.
    static func readSchema(_ path: String) throws(SQLError) { _ = try texts(of: "SELECT count(*) FROM sqlite_schema", in: path) }

    /// The first column of what `sql` answers.
    private static func texts(of sql: String, in path: String) throws(SQLError) -> [String] {
        SQLiteRuntime.start()
        var handle: OpaquePointer?
        // Immutable: without locks, and without looking for a WAL.
        let code = sqlite3_open_v2(
            uri(path) + "?immutable=1", &handle,
            SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        defer { sqlite3_close_v2(handle) }
        guard code == SQLITE_OK, let handle else {
            throw SQLError(code: SQLiteResultCode.name(code), message: "the file cannot be opened")
        }
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        let prepared = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
        var texts: [String] = []
        var step = prepared == SQLITE_OK ? sqlite3_step(statement) : prepared
        while step == SQLITE_ROW {
            texts.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "")
            step = sqlite3_step(statement)
        }
        guard step == SQLITE_DONE else {
            throw SQLError(code: SQLiteResultCode.name(step), message: String(cString: sqlite3_errmsg(handle)))
        }
        return texts
    }

    /// The path as a `file:` URI.
    private static func uri(_ path: String) -> String {
        let unreserved = Set("/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~".utf8)
        let digits = Array("0123456789ABCDEF")
        return path.utf8.reduce(into: "file:") { uri, byte in
            if unreserved.contains(byte) {
                uri.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                uri += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }
}
