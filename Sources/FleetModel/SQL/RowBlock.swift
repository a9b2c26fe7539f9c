/// The rows of a result in one piece of memory, as an engine hands them out: no object per row and none per value.
///
/// ``RowWriter`` writes them, a value after the other; whoever writes the answer reads them in the same order. Parts of a
/// block share its memory.
public struct RowBlock: Sendable {
    // Each value: a byte for its kind, eight bytes with the number or the length, and the text or blob itself.
    enum Kind: UInt8 { case null, integer, real, text, blob }
    static let headBytes = 9

    private let bytes: [UInt8]
    /// Of `bytes`, those that are this block's.
    private let start: Int
    private let end: Int
    public let columnCount: Int
    private let valueCount: Int

    /// Without rows.
    public init(columnCount: Int) { self.init([], columnCount: columnCount, valueCount: 0) }

    init(_ bytes: [UInt8], columnCount: Int, valueCount: Int) {
        self.init(bytes, 0, bytes.count, columnCount: columnCount, valueCount: valueCount)
    }

    private init(_ bytes: [UInt8], _ start: Int, _ end: Int, columnCount: Int, valueCount: Int) {
        (self.bytes, self.start, self.end) = (bytes, start, end)
        (self.columnCount, self.valueCount) = (columnCount, valueCount)
    }

    /// - Parameter rows: all of the same length.
    public init(_ rows: [[SQLValue]]) {
        var writer = RowWriter(columnCount: rows.first?.count ?? 0)
        for row in rows {
            invariant(row.count == writer.columnCount, "the rows of a result have the same columns")
            for value in row { writer.append(value) }
        }
        self = writer.finish()
    }

    /// Eight for each value, and the lengths of texts and blobs.
    public var byteCount: Int { end - start - valueCount }

    public var isEmpty: Bool { valueCount == 0 }

    /// A result without columns has none.
    public var count: Int { columnCount == 0 ? 0 : valueCount / columnCount }

    /// Those that were written between two points.
    public func part(from first: RowWriter.Point, to last: RowWriter.Point) -> RowBlock {
        RowBlock(bytes, first.bytes, last.bytes, columnCount: columnCount, valueCount: last.values - first.values)
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
            var reader = Reader(bytes: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[start..<end])))
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
        let first = position
        bytes.withUnsafeBytes { memory in
            var reader = Reader(bytes: UnsafeRawBufferPointer(rebasing: memory[start..<end]), offset: position.offset)
            while position.row < count,
                position.row == first.row || position.offset - first.offset - (position.row - first.row) * columnCount < limit
            {
                for _ in 0..<columnCount { _ = reader.next() }
                position.offset = reader.offset
                position.row += 1
            }
        }
        return RowBlock(
            bytes, start + first.offset, start + position.offset, columnCount: columnCount,
            valueCount: (position.row - first.row) * columnCount)
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
        left.count == right.count && (left.isEmpty || left.columnCount == right.columnCount)
            && left.bytes[left.start..<left.end] == right.bytes[right.start..<right.end]
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        hasher.combine(bytes[start..<end])
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
