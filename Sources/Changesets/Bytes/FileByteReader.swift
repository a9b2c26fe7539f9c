import FleetModel
import Foundation

/// Reads from a file, of which a piece is in memory at a time.
struct FileByteReader: ByteSource {
    private let file: PosixFile
    private let size: Int
    private(set) var position = 0
    private var piece: [UInt8] = []
    private var pieceStart = 0
    /// Why what should be there could not be read. Everything after that is `nil`.
    private(set) var failure: FileFailure?

    init(_ spooled: SpoolFile) throws(FileFailure) {
        file = try PosixFile(spooled.path, O_RDONLY)
        size = spooled.size
    }

    var remaining: Int { size - position }

    mutating func read<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer? {
        let width = Integer.bitWidth / 8
        guard remaining >= width, load(width) else { return nil }
        var value: Integer = 0
        for index in position - pieceStart..<position - pieceStart + width {
            value = (value &<< 8) | Integer(truncatingIfNeeded: piece[index])
        }
        position += width
        return value
    }

    mutating func skip(_ count: Int) -> Range<Int>? {
        guard failure == nil, count >= 0, remaining >= count else { return nil }
        let range = position..<position + count
        position += count
        return range
    }

    /// Has the next `count` bytes, which the file has, in the piece.
    private mutating func load(_ count: Int) -> Bool {
        guard failure == nil else { return false }
        if position >= pieceStart, position + count <= pieceStart + piece.count { return true }
        let wanted = min(SpoolFile.pieceBytes, remaining)
        if piece.count != wanted { piece = [UInt8](repeating: 0, count: wanted) }
        pieceStart = position
        do throws(FileFailure) {
            let read = try piece.withUnsafeMutableBufferPointer { memory throws(FileFailure) in
                try file.read(into: UnsafeMutableRawBufferPointer(memory), at: position)
            }
            if read < wanted { throw FileFailure("pread", file.path, errno: EIO) }
            return true
        } catch {
            failure = error
            return false
        }
    }
}
