/// Changes inputs the way damage, mistakes and malice do.
public struct Mutator: Sendable {
    /// Inputs do not grow beyond this many bytes.
    static let longest = 64 << 10

    private static let interesting: [UInt64] = [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1024, 4095, 4096, 32767, 32768, 65535,
        65536, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, 1 << 40, UInt64(Int64.max), 1 << 63, .max - 1, .max,
    ]
    private static let numbers = [
        "0", "-0", "1", "-1", "127", "255", "256", "65535", "65536", "2147483647", "-2147483648", "4294967295", "4294967296",
        "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616",
        "1e999", "0.1", "00", "+1",
    ].map { Array($0.utf8) }

    private let words: [[UInt8]]

    /// - Parameter words: pieces of the format to put in.
    public init(words: [[UInt8]]) { self.words = words }

    /// One of `inputs` with one to five changes.
    public func mutated(_ inputs: [[UInt8]], using generator: inout SeededGenerator) -> [UInt8] {
        var input = inputs.randomElement(using: &generator) ?? []
        for _ in 0..<Int.random(in: 1...5, using: &generator) {
            change(&input, others: inputs, using: &generator)
            if input.count > Self.longest { input.removeSubrange(Self.longest...) }
        }
        return input
    }

    private func change(_ input: inout [UInt8], others: [[UInt8]], using generator: inout SeededGenerator) {
        let kind = Int.random(in: 0..<14, using: &generator)
        guard !input.isEmpty || kind < 3 else { return }
        switch kind {
        case 0: insert(words.randomElement(using: &generator) ?? noise(using: &generator), into: &input, using: &generator)
        case 1: insert(noise(using: &generator), into: &input, using: &generator)
        case 2: splice(&input, with: others.randomElement(using: &generator) ?? [], using: &generator)
        case 3: input[place(in: input, &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 4: input[place(in: input, &generator)] = UInt8.random(in: 0...255, using: &generator)
        case 5: input.removeSubrange(range(in: input, &generator))
        case 6: input.removeSubrange(place(in: input, &generator)...)
        case 7: insert(Array(input[range(in: input, &generator)]), into: &input, using: &generator)
        case 8: overwriteInteger(&input, using: &generator)
        case 9: shiftInteger(&input, using: &generator)
        case 10: replaceNumber(&input, using: &generator)
        case 11: repeatPiece(&input, using: &generator)
        case 12:
            let piece = Array(input[range(in: input, &generator)])
            let start = place(in: input, &generator)
            input.replaceSubrange(start..<min(input.count, start + piece.count), with: piece)
        default:
            let word = words.randomElement(using: &generator) ?? noise(using: &generator)
            let start = place(in: input, &generator)
            input.replaceSubrange(start..<min(input.count, start + word.count), with: word)
        }
    }

    private func place(in input: [UInt8], _ generator: inout SeededGenerator) -> Int {
        Int.random(in: 0..<input.count, using: &generator)
    }

    /// Mostly short.
    private func range(in input: [UInt8], _ generator: inout SeededGenerator) -> Range<Int> {
        let start = place(in: input, &generator)
        let longest = Bool.random(using: &generator) ? 8 : input.count
        return start..<min(input.count, start + Int.random(in: 1...max(1, longest), using: &generator))
    }

    private func noise(using generator: inout SeededGenerator) -> [UInt8] {
        let isText = Bool.random(using: &generator)
        return (0..<Int.random(in: 1...9, using: &generator)).map { _ in
            UInt8.random(in: isText ? 0x20...0x7E : 0...0xFF, using: &generator)
        }
    }

    private func insert(_ piece: [UInt8], into input: inout [UInt8], using generator: inout SeededGenerator) {
        input.insert(contentsOf: piece, at: Int.random(in: 0...input.count, using: &generator))
    }

    /// The start of one input and the end of another.
    private func splice(_ input: inout [UInt8], with other: [UInt8], using generator: inout SeededGenerator) {
        input = input.prefix(Int.random(in: 0...input.count, using: &generator))
            + other.suffix(Int.random(in: 0...other.count, using: &generator))
    }

    /// A number of 1, 2, 4 or 8 bytes, in either byte order: lengths, counts, offsets.
    private func overwriteInteger(_ input: inout [UInt8], using generator: inout SeededGenerator) {
        let (start, width) = integer(in: input, &generator)
        var value = Self.interesting.randomElement(using: &generator) ?? 0
        if Int.random(in: 0..<4, using: &generator) == 0 { value = UInt64(input.count) &+ value & 7 }
        store(value, in: &input, at: start, width: width, isBig: Bool.random(using: &generator))
    }

    /// The same number, a little more or less.
    private func shiftInteger(_ input: inout [UInt8], using generator: inout SeededGenerator) {
        let (start, width) = integer(in: input, &generator)
        let isBig = Bool.random(using: &generator)
        let bytes = input[start..<start + width]
        let value = (isBig ? Array(bytes) : bytes.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let delta = UInt64(bitPattern: Int64.random(in: -17...17, using: &generator))
        store(value &+ delta, in: &input, at: start, width: width, isBig: isBig)
    }

    private func integer(in input: [UInt8], _ generator: inout SeededGenerator) -> (start: Int, width: Int) {
        let width = [1, 2, 4, 8].filter { $0 <= input.count }.randomElement(using: &generator) ?? 1
        return (Int.random(in: 0...input.count - width, using: &generator), width)
    }

    private func store(_ value: UInt64, in input: inout [UInt8], at start: Int, width: Int, isBig: Bool) {
        for index in 0..<width {
            let shift = UInt64(8 * (isBig ? width - 1 - index : index))
            input[start + index] = UInt8(truncatingIfNeeded: value >> shift)
        }
    }

    /// A number written in digits.
    private func replaceNumber(_ input: inout [UInt8], using generator: inout SeededGenerator) {
        let from = place(in: input, &generator)
        func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
        let start = input[from...].firstIndex(where: isDigit) ?? from
        let end = input[start...].firstIndex { !isDigit($0) } ?? input.count
        input.replaceSubrange(start..<end, with: Self.numbers.randomElement(using: &generator) ?? [])
    }

    /// Deep nesting and long runs.
    private func repeatPiece(_ input: inout [UInt8], using generator: inout SeededGenerator) {
        let range = range(in: input, &generator)
        let piece = input[range]
        let count = Int.random(in: 2...(Int.random(in: 0..<64, using: &generator) == 0 ? 4_000 : 40), using: &generator)
        let most = max(1, Self.longest / piece.count)
        input.insert(contentsOf: repeatElement(piece, count: min(count, most)).joined(), at: range.upperBound)
    }
}
