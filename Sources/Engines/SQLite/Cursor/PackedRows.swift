import CSQLite
import FleetModel

/// Rows in little more memory than their values take, to be taken from the front.
struct PackedRows {
    private var bytes: [UInt8] = []
    private var position = 0
    private(set) var count = 0

    private enum Tag: UInt8 { case row, null, integer, real, text, blob }

    mutating func append(rowOf statement: OpaquePointer, _ columnCount: Int32) {
        bytes.append(Tag.row.rawValue)
        for index in 0..<columnCount {
            switch sqlite3_column_type(statement, index) {
            case SQLITE_INTEGER: append(.integer, UInt64(bitPattern: sqlite3_column_int64(statement, index)))
            case SQLITE_FLOAT: append(.real, sqlite3_column_double(statement, index).bitPattern)
            case SQLITE_TEXT:
                // The pointer first: asking for it is what converts, and only then is the length right.
                let start = UnsafeRawPointer(sqlite3_column_text(statement, index))
                append(.text, start, Int(sqlite3_column_bytes(statement, index)))
            case SQLITE_BLOB:
                let start = sqlite3_column_blob(statement, index)
                append(.blob, start, Int(sqlite3_column_bytes(statement, index)))
            default: bytes.append(Tag.null.rawValue)
            }
        }
        count += 1
    }

    private mutating func append(_ tag: Tag, _ word: UInt64) {
        bytes.append(tag.rawValue)
        withUnsafeBytes(of: word) { bytes.append(contentsOf: $0) }
    }

    private mutating func append(_ tag: Tag, _ start: UnsafeRawPointer?, _ length: Int) {
        append(tag, UInt64(length))
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : length))
    }

    /// The next rows: at least one if there are any, and no more once they have `limit` bytes.
    mutating func take(atMost limit: Int) -> [[SQLValue]] {
        var rows: [[SQLValue]] = []
        var byteCount = 0
        while position < bytes.count && (rows.isEmpty || byteCount < limit) {
            position += 1
            var row: [SQLValue] = []
            while position < bytes.count, let tag = Tag(rawValue: bytes[position]), tag != .row {
                position += 1
                row.append(value(tag, &byteCount))
            }
            rows.append(row)
        }
        if position == bytes.count {
            bytes = []
            position = 0
        }
        return rows
    }

    private mutating func value(_ tag: Tag, _ byteCount: inout Int) -> SQLValue {
        byteCount += 8
        switch tag {
        case .row, .null: return .null
        case .integer: return .integer(Int64(bitPattern: word()))
        case .real: return .real(Double(bitPattern: word()))
        case .text, .blob:
            let length = Int(word())
            defer { position += length }
            byteCount += length
            let content = bytes[position..<position + length]
            return tag == .text ? .text(String(decoding: content, as: UTF8.self)) : .blob(Array(content))
        }
    }

    private mutating func word() -> UInt64 {
        defer { position += 8 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: UInt64.self) }
    }
}
