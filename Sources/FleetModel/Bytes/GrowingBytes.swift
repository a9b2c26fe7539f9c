/// Bytes in the making: appended one piece after the other, and copied once when they are complete.
///
/// An append asks for nothing but room: there is no reference count, and nobody else who could see the memory.
public struct GrowingBytes: ~Copyable {
    /// `capacity` bytes, of which the first `written` are written; `nil` as long as that is none.
    @usableFromInline var memory: UnsafeMutablePointer<UInt8>?
    @usableFromInline var capacity = 0
    @usableFromInline var written = 0

    private static let smallest = 256

    public init(reserving byteCount: Int = 0) {
        if byteCount > 0 { grow(by: byteCount) }
    }

    deinit { memory?.deallocate() }

    // MARK: Writing

    @inlinable
    public mutating func append(_ byte: UInt8) {
        makeRoom(1)[0] = byte
        written &+= 1
    }

    @inlinable
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if let start = bytes.baseAddress { append(start, bytes.count) }
    }

    @inlinable
    public mutating func append(_ start: UnsafeRawPointer, _ byteCount: Int) {
        UnsafeMutableRawPointer(makeRoom(byteCount)).copyMemory(from: start, byteCount: byteCount)
        written &+= byteCount
    }

    /// Appends what `body` writes at the place it is given, where there is room for `byteCount` bytes; it answers how many it wrote.
    @inlinable
    public mutating func append(atMost byteCount: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) {
        written &+= body(makeRoom(byteCount))
    }

    /// Forgets everything after the first `length` bytes.
    public mutating func truncate(to length: Int) { written = min(written, max(0, length)) }

    /// Forgets everything, and keeps its memory unless that is larger than `byteCount`.
    public mutating func removeAll(keepingAtMost byteCount: Int = .max) {
        written = 0
        guard capacity > byteCount else { return }
        memory?.deallocate()
        (memory, capacity) = (nil, 0)
    }

    /// Where the next `byteCount` bytes belong.
    @inlinable
    mutating func makeRoom(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity &- written < byteCount || memory == nil { grow(by: byteCount) }
        // Safe: `grow` has allocated it.
        return memory.unsafelyUnwrapped + written
    }

    @usableFromInline
    mutating func grow(by byteCount: Int) {
        let larger = max(capacity * 2, written + byteCount, Self.smallest)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        if let memory {
            moved.update(from: memory, count: written)
            memory.deallocate()
        }
        (memory, capacity) = (moved, larger)
    }

    // MARK: Reading

    @inlinable public var count: Int { written }

    public var array: [UInt8] { array(from: 0) }

    /// Those from `start` on.
    public func array(from start: Int) -> [UInt8] {
        Array(UnsafeBufferPointer(start: memory.map { $0 + start }, count: max(0, written - start)))
    }
}

// Safe: `memory` is allocated here, never handed out beyond a call, and freed here. The value cannot be copied, so there is one owner at
// a time, and Swift's exclusivity lets nobody read while it writes. Several who borrow it only read memory that nobody changes.
extension GrowingBytes: @unchecked Sendable {}
