/// The rows of a result in one piece of memory, as an engine hands them out: no object per row and none per value.
///
/// An engine appends the values of a row after the other, copied from where it has them; whoever writes the answer reads
/// them in the same order.
public struct RowBlock: Sendable {
    // Each value: a byte for its kind, eight bytes with the number or the length, and the text or blob itself.
    private enum Kind: UInt8 { case null, integer, real, text, blob }
    private static let headBytes = 9

    private var bytes: [UInt8] = []
    public let columnCount: Int
    private var valueCount = 0

    /// - Parameter byteCount: memory to begin with, such as ``byteCount`` of an earlier result of the same kind.
    public init(columnCount: Int, reserving byteCount: Int = 0) {
        self.columnCount = columnCount
        if byteCount > 0 { bytes.reserveCapacity(byteCount) }
    }

    /// - Parameter rows: all of the same length.
    public init(_ rows: [[SQLValue]]) {
        self.init(columnCount: rows.first?.count ?? 0)
        for row in rows {
            precondition(row.count == columnCount, "the rows of a result have the same columns")
            for value in row { append(value) }
        }
    }

    /// Eight for each value, and the lengths of texts and blobs.
    public var byteCount: Int { bytes.count - valueCount }

    public var isEmpty: Bool { valueCount == 0 }

    /// Rows begun. A result without columns has none.
    public var count: Int { columnCount == 0 ? 0 : (valueCount + columnCount - 1) / columnCount }

    // MARK: Writing

    public mutating func appendNull() { append(.null, 0) }

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

    private mutating func append(_ kind: Kind, _ value: UInt64) {
        valueCount += 1
        withUnsafeTemporaryAllocation(byteCount: Self.headBytes, alignment: 1) { head in
            head.storeBytes(of: kind.rawValue, as: UInt8.self)
            head.storeBytes(of: value, toByteOffset: 1, as: UInt64.self)
            bytes.append(contentsOf: UnsafeRawBufferPointer(head))
        }
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
        var rows: [[SQLValue]] = []
        rows.reserveCapacity(count)
        forEachValue { column, value in
            if column == 0 { rows.append([]) }
            rows[rows.count - 1].append(SQLValue(value))
        }
        return rows
    }

    /// How far the rows of a block were taken.
    public struct Position: Sendable {
        fileprivate var offset = 0
        fileprivate var row = 0

        public init() {}
    }

    /// The next rows: at least one if there are any, and no more once they have `limit` bytes, as ``byteCount`` counts them.
    public func part(from position: inout Position, atMost limit: Int) -> RowBlock {
        var part = RowBlock(columnCount: columnCount)
        while position.row < count, part.isEmpty || part.byteCount < limit {
            position.row += 1
            let end = bytes.withUnsafeBytes { memory in
                var reader = Reader(bytes: memory, offset: position.offset)
                for _ in 0..<columnCount { _ = reader.next() }
                return reader.offset
            }
            part.bytes.append(contentsOf: bytes[position.offset..<end])
            part.valueCount += columnCount
            position.offset = end
        }
        return part
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var offset = 0

        mutating func next() -> Value? {
            guard offset < bytes.count else { return nil }
            let kind = Kind(rawValue: bytes[offset])
            let word = bytes.loadUnaligned(fromByteOffset: offset + 1, as: UInt64.self)
            offset += headBytes
            switch kind {
            case .integer: return .integer(Int64(bitPattern: word))
            case .real: return .real(Double(bitPattern: word))
            case .text: return .text(content(Int(word)))
            case .blob: return .blob(content(Int(word)))
            case .null, nil: return .null
            }
        }

        private mutating func content(_ count: Int) -> UnsafeRawBufferPointer {
            defer { offset += count }
            return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
        }
    }
}

extension RowBlock: Hashable {
    /// Without rows it does not matter how many columns they would have.
    public static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && (left.isEmpty || left.columnCount == right.columnCount) && left.bytes == right.bytes
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        hasher.combine(bytes)
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
