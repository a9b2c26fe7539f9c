/// The rows of a result in one piece of memory, as an engine hands them out: no object per row and none per value.
///
/// An engine appends the values of a row after the other, copied from where it has them; whoever writes the answer reads
/// them in the same order.
public struct RowBlock: Sendable, Hashable {
    // A byte for the kind of each value. After it: nothing, or eight bytes, or a length in eight bytes and so many bytes.
    private enum Kind: UInt8 { case null, integer, real, text, blob }

    private var bytes: [UInt8] = []
    public let columnCount: Int
    private var valueCount = 0

    /// - Parameter byteCount: memory to begin with, such as ``byteCount`` of an earlier result of the same kind.
    public init(columnCount: Int, reserving byteCount: Int = 0) {
        self.columnCount = columnCount
        bytes.reserveCapacity(byteCount)
    }

    /// Bytes of memory the rows take.
    public var byteCount: Int { bytes.count }

    /// Rows begun.
    public var count: Int { columnCount == 0 ? emptyRows : (valueCount + columnCount - 1) / columnCount }
    /// Rows of a result without columns.
    private var emptyRows = 0

    // MARK: Writing

    public mutating func appendNull() {
        valueCount += 1
        bytes.append(Kind.null.rawValue)
    }

    public mutating func append(_ value: Int64) { append(.integer, UInt64(bitPattern: value)) }

    public mutating func append(_ value: Double) { append(.real, value.bitPattern) }

    /// - Parameter utf8: whatever is not UTF-8 in it is repaired, as `String(decoding:as:)` does.
    public mutating func append(text utf8: UnsafeRawBufferPointer) {
        if utf8.isASCII {
            append(.text, utf8)
        } else {
            var text = String(decoding: utf8, as: UTF8.self)
            text.withUTF8 { append(.text, UnsafeRawBufferPointer($0)) }
        }
    }

    public mutating func append(blob: UnsafeRawBufferPointer) { append(.blob, blob) }

    public mutating func append(_ value: SQLValue) {
        switch value {
        case .null: appendNull()
        case .integer(let value): append(value)
        case .real(let value): append(value)
        case .text(var text): text.withUTF8 { append(.text, UnsafeRawBufferPointer($0)) }
        case .blob(let blob): blob.withUnsafeBytes { append(.blob, $0) }
        }
    }

    /// A row without columns.
    public mutating func appendEmptyRow() { emptyRows += 1 }

    private mutating func append(_ kind: Kind, _ value: UInt64) {
        valueCount += 1
        bytes.append(kind.rawValue)
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    private mutating func append(_ kind: Kind, _ content: UnsafeRawBufferPointer) {
        append(kind, UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    // MARK: Reading

    /// A value where it is stored.
    public enum Value {
        case null
        case integer(Int64)
        case real(Double)
        /// Valid UTF-8.
        case text(UnsafeRawBufferPointer)
        case blob(UnsafeRawBufferPointer)
    }

    /// Calls `body` for every value, row by row. What it is given is valid during the call.
    public func forEachValue<Failure: Error>(_ body: (_ column: Int, Value) throws(Failure) -> Void) throws(Failure) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
            var reader = Reader(bytes: UnsafeRawBufferPointer(bytes))
            var column = 0
            while let value = reader.next() {
                try body(column, value)
                column += 1
                if column == columnCount { column = 0 }
            }
        }
    }

    /// The same rows as values of their own.
    public var values: [[SQLValue]] {
        if columnCount == 0 { return Array(repeating: [], count: emptyRows) }
        var rows: [[SQLValue]] = []
        rows.reserveCapacity(count)
        forEachValue { column, value in
            if column == 0 { rows.append([]) }
            rows[rows.count - 1].append(SQLValue(value))
        }
        return rows
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var offset = 0

        mutating func next() -> Value? {
            guard offset < bytes.count else { return nil }
            let kind = Kind(rawValue: bytes[offset])
            offset += 1
            switch kind {
            case .integer: return .integer(Int64(bitPattern: word()))
            case .real: return .real(Double(bitPattern: word()))
            case .text: return .text(content())
            case .blob: return .blob(content())
            case .null, nil: return .null
            }
        }

        private mutating func word() -> UInt64 {
            defer { offset += 8 }
            return bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }

        private mutating func content() -> UnsafeRawBufferPointer {
            let count = Int(word())
            defer { offset += count }
            return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
        }
    }
}

extension SQLValue {
    /// A value of its own.
    public init(_ value: RowBlock.Value) {
        self = switch value {
        case .null: .null
        case .integer(let value): .integer(value)
        case .real(let value): .real(value)
        case .text(let utf8): .text(String(decoding: utf8, as: UTF8.self))
        case .blob(let bytes): .blob(Array(bytes))
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var isASCII: Bool {
        var index = 0
        var seen: UInt64 = 0
        while index &+ 8 <= count {
            seen |= loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < count {
            seen |= UInt64(self[index])
            index &+= 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }
}
