import CSQLite

/// A prepared statement, used as measured.md says one should be: prepared once, persistent, bound without copies.
final class RawStatement {
    private let handle: OpaquePointer
    private let database: RawSQLite

    init(_ sql: String, of database: RawSQLite) throws {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(database.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw database.failure(code) }
        handle = prepared
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    func bind(_ value: Int64, at index: Int32) { sqlite3_bind_int64(handle, index, value) }

    /// - Parameter text: unchanged until the statement is reset.
    func bind(_ text: UnsafeRawBufferPointer, at index: Int32) {
        sqlite3_bind_text64(
            handle, index, text.baseAddress?.assumingMemoryBound(to: CChar.self), UInt64(text.count), berth_sqlite_static(),
            UInt8(SQLITE_UTF8))
    }

    /// - Returns: whether there is a row.
    @inline(__always)
    func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw database.failure(code)
        }
    }

    func reset() { sqlite3_reset(handle) }

    /// Reads every column of the row as a response has to, pointer and length, and folds it into `sum`.
    @inline(__always)
    func fold(into sum: inout RowSum) {
        for column in 0..<sqlite3_column_count(handle) {
            switch sqlite3_column_type(handle, column) {
            case SQLITE_INTEGER: sum.add(sqlite3_column_int64(handle, column))
            case SQLITE_TEXT:
                let start = sqlite3_column_text(handle, column)
                sum.add(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
            default: sum.add(0)
            }
        }
    }

    var texts: [String?] {
        (0..<sqlite3_column_count(handle)).map { column in sqlite3_column_text(handle, column).map { String(cString: $0) } }
    }
}

/// A sum over rows that both sides compute: equal sums, equal rows. Integers by value, texts by their length and ends.
struct RowSum: Equatable {
    private(set) var sum: UInt64 = 0

    @inline(__always) mutating func add(_ value: Int64) { sum = (sum &* 31) &+ UInt64(bitPattern: value) }

    @inline(__always) mutating func add(_ text: UnsafeRawBufferPointer) {
        sum = (sum &* 31) &+ UInt64(text.count)
        if let first = text.first, let last = text.last { sum = (sum &* 31) &+ UInt64(first) << 8 &+ UInt64(last) }
    }
}
