/// Writes the rows of results, a value after the other, copied from where an engine has them.
///
/// Its memory serves one result after the other.
public struct RowWriter: ~Copyable {
    private var bytes = GrowingBytes()
    private var valueCount = 0
    public private(set) var columnCount: Int

    /// How far it was written.
    public struct Point: Sendable {
        let bytes: Int
        let values: Int

        public static let start = Point(bytes: 0, values: 0)
    }

    public init(columnCount: Int = 0) { self.columnCount = columnCount }

    /// Forgets what was written and not finished.
    public mutating func begin(columnCount: Int) {
        self.columnCount = columnCount
        removeAll()
    }

    public var point: Point { Point(bytes: bytes.count, values: valueCount) }

    /// As ``RowBlock/byteCount``.
    public var byteCount: Int { bytes.count - valueCount }

    public var isEmpty: Bool { valueCount == 0 }

    /// Rows that are complete.
    public var count: Int { columnCount == 0 ? 0 : valueCount / columnCount }

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

    /// The rows, complete. The writer begins anew.
    public mutating func finish() -> RowBlock {
        defer { removeAll() }
        return RowBlock(bytes.array, columnCount: columnCount, valueCount: valueCount)
    }

    /// Forgets everything, and keeps its memory unless that is larger than `byteCount`.
    public mutating func removeAll(keepingAtMost byteCount: Int = .max) {
        valueCount = 0
        bytes.removeAll(keepingAtMost: byteCount)
    }

    @inline(__always)
    private mutating func append(_ kind: RowBlock.Kind, _ value: UInt64) {
        valueCount &+= 1
        bytes.append(atMost: RowBlock.headBytes) { place in
            place.pointee = kind.rawValue
            UnsafeMutableRawPointer(place + 1).storeBytes(of: value, as: UInt64.self)
            return RowBlock.headBytes
        }
    }

    @inline(__always)
    private mutating func append(_ kind: RowBlock.Kind, _ content: UnsafeRawBufferPointer) {
        append(kind, UInt64(content.count))
        bytes.append(content)
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
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
