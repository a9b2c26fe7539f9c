/// A WAL read and written plainly, apart from the code under test, after “WAL File Format” in
/// <https://www.sqlite.org/fileformat2.html>.
struct PlainWAL {
    static let headerLength = 32
    static let frameHeaderLength = 24

    var bytes: [UInt8]
    private var checksum: (UInt32, UInt32) = (0, 0)

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// A WAL of frames whose pages are filled with one byte each.
    ///
    /// - Parameter frames: page number, pages after the commit or 0, filling.
    init(pageSize: Int, isBigEndian: Bool, frames: [(page: UInt32, commit: UInt32, fill: UInt8)]) {
        bytes = []
        let magic: UInt32 = isBigEndian ? 0x377F_0683 : 0x377F_0682
        for word in [magic, 3_007_000, UInt32(pageSize), 0, 0x0102_0304, 0x0506_0708, 0, 0] as [UInt32] { append(word) }
        for frame in frames {
            for word in [frame.page, frame.commit, 0x0102_0304, 0x0506_0708, 0, 0] as [UInt32] { append(word) }
            bytes += repeatElement(frame.fill, count: pageSize)
        }
        reseal()
    }

    private mutating func append(_ word: UInt32) { withUnsafeBytes(of: word.bigEndian) { bytes.append(contentsOf: $0) } }

    func word(_ offset: Int) -> UInt32 { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }

    private mutating func put(_ word: UInt32, at offset: Int) {
        withUnsafeBytes(of: word.bigEndian) { bytes.replaceSubrange(offset..<offset + 4, with: $0) }
    }

    /// The page size of a header that could be right; `nil` when the rest of it does not matter.
    var pageSize: Int? {
        guard bytes.count >= Self.headerLength, [0x377F_0682, 0x377F_0683].contains(word(0)), word(4) == 3_007_000 else {
            return nil
        }
        let size = Int(word(8))
        return [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536].contains(size) ? size : nil
    }

    private mutating func add(_ range: Range<Int>) {
        let isBig = bytes[3] & 1 == 1
        for offset in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
            let first = isBig ? word(offset) : word(offset).byteSwapped
            let second = isBig ? word(offset + 4) : word(offset + 4).byteSwapped
            checksum.0 = checksum.0 &+ first &+ checksum.1
            checksum.1 = checksum.1 &+ second &+ checksum.0
        }
    }

    /// Corrects the header's checksum, and each whole frame's salts and checksum.
    mutating func reseal() {
        guard let pageSize else { return }
        checksum = (0, 0)
        add(0..<24)
        put(checksum.0, at: 24)
        put(checksum.1, at: 28)
        let length = Self.frameHeaderLength + pageSize
        for frame in stride(from: Self.headerLength, through: bytes.count - length, by: length) {
            bytes.replaceSubrange(frame + 8..<frame + 16, with: bytes[16..<24])
            add(frame..<frame + 8)
            add(frame + Self.frameHeaderLength..<frame + length)
            put(checksum.0, at: frame + 16)
            put(checksum.1, at: frame + 20)
        }
    }

    /// What a recovery finds.
    struct Content: Equatable {
        var pageCount: UInt32?
        /// Up to the last commit.
        var frames = 0
        /// Where the last committed version of each page lies.
        var offsets: [UInt32: Int] = [:]
    }

    /// `nil` without a valid header.
    func content() -> Content? {
        guard let pageSize else { return nil }
        var reader = self
        reader.checksum = (0, 0)
        reader.add(0..<24)
        guard reader.checksum == (word(24), word(28)) else { return nil }
        var content = Content()
        var open: [UInt32: Int] = [:]
        let length = Self.frameHeaderLength + pageSize
        for (index, frame) in stride(from: Self.headerLength, through: bytes.count - length, by: length).enumerated() {
            guard word(frame) != 0, bytes[frame + 8..<frame + 16] == bytes[16..<24] else { break }
            reader.add(frame..<frame + 8)
            reader.add(frame + Self.frameHeaderLength..<frame + length)
            guard reader.checksum == (word(frame + 16), word(frame + 20)) else { break }
            open[word(frame)] = frame + Self.frameHeaderLength
            if word(frame + 4) > 0 {
                content.offsets.merge(open) { $1 }
                open = [:]
                content.pageCount = word(frame + 4)
                content.frames = index + 1
            }
        }
        return content
    }
}
