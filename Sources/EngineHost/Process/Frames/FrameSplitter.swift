import FleetModel

/// Bytes of a stream, given in any pieces, as whole frames.
struct FrameSplitter: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    /// What was received and is not handed out yet.
    private var held = 0..<0

    private static let capacity = FrameLimits.frameBytes + 4

    init() { memory = .allocate(byteCount: Self.capacity, alignment: 16) }

    deinit { memory.deallocate() }

    /// Lets `body` write behind what is held; it answers how many bytes it wrote.
    mutating func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        if held.isEmpty {
            held = 0..<0
        } else if memory.count - held.upperBound < memory.count / 4 {
            // What is left of a frame; the room behind it may be too little for its rest.
            memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[held]))
            held = 0..<held.count
        }
        let count = body(UnsafeMutableRawBufferPointer(rebasing: memory[held.upperBound...]))
        invariant(count <= memory.count - held.upperBound, "more was received than there was room for")
        if count > 0 { held = held.lowerBound..<held.upperBound + count }
        return count
    }

    /// Hands out every frame that is whole.
    mutating func forEach(_ body: (_ kind: UInt8, _ number: UInt64, inout FrameReader) throws(FrameError) -> Void) throws(FrameError) {
        while held.count >= 4 {
            let length = Int(UInt32(littleEndian: memory.loadUnaligned(fromByteOffset: held.lowerBound, as: UInt32.self)))
            guard length >= FrameLimits.headBytes, length <= FrameLimits.frameBytes else { throw FrameError("a frame of \(length) bytes") }
            guard held.count >= 4 + length else { return }
            let start = held.lowerBound + 4
            held = start + length..<held.upperBound
            let kind = memory[start]
            let number = UInt64(littleEndian: memory.loadUnaligned(fromByteOffset: start + 1, as: UInt64.self))
            var reader = FrameReader(UnsafeRawBufferPointer(rebasing: memory[start + FrameLimits.headBytes..<start + length]))
            try body(kind, number, &reader)
        }
    }
}
