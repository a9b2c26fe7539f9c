/// Takes big-endian integers and runs of bytes from the front of something, never past its end.
protocol ByteSource {
    /// Where the next byte lies.
    var position: Int { get }
    var remaining: Int { get }

    /// The next integer; `nil`, with nothing consumed, when fewer bytes are left than it has.
    mutating func read<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer?

    /// Where the next `count` bytes lie; `nil`, with nothing consumed, when fewer are left.
    mutating func skip(_ count: Int) -> Range<Int>?
}

/// Reads from a buffer.
struct ByteReader: ByteSource {
    private let bytes: ArraySlice<UInt8>
    /// Index into the buffer's own indices of the next byte.
    private(set) var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        self.position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }

    mutating func read<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer? {
        let width = Integer.bitWidth / 8
        guard remaining >= width else { return nil }
        var value: Integer = 0
        for index in position..<position + width {
            value = (value &<< 8) | Integer(truncatingIfNeeded: bytes[index])
        }
        position += width
        return value
    }

    mutating func skip(_ count: Int) -> Range<Int>? {
        guard count >= 0, remaining >= count else { return nil }
        let range = position..<position + count
        position += count
        return range
    }
}
