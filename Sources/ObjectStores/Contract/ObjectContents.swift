import FleetModel
import Glibc

/// What an object is to consist of: bytes in memory and ranges of files, one after the other.
///
/// A file stays as it is, and where it is, until the put that uses it has ended. Contents that are the same give the same object
/// however often they are read.
public struct ObjectContents: Sendable {
    public enum Piece: Sendable {
        case bytes([UInt8])
        /// - Parameter range: in bytes of the file.
        case file(path: String, range: Range<Int64>)

        var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .file(_, let range): range.count
            }
        }
    }

    public let pieces: [Piece]
    /// Bytes in all.
    public let count: Int

    public init(_ pieces: [Piece]) {
        self.pieces = pieces
        count = pieces.reduce(0) { $0 + $1.count }
    }

    public init(_ bytes: [UInt8]) { self.init([.bytes(bytes)]) }

    /// Whether reading them reads a file.
    var isOnDisk: Bool {
        pieces.contains { if case .file = $0 { true } else { false } }
    }

    /// A range of the object's bytes. Blocks on files.
    ///
    /// - Throws: `ObjectStoreError.invalid` when a file is shorter than was said, or cannot be read.
    public func read(_ range: Range<Int>) throws(ObjectStoreError) -> [UInt8] {
        invariant(range.lowerBound >= 0 && range.upperBound <= count, "bytes are read that an object does not have")
        // As nearly always: the whole, as it is.
        if pieces.count == 1, case .bytes(let bytes) = pieces[0], range.count == bytes.count { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var start = 0
        for piece in pieces where start < range.upperBound {
            let end = start + piece.count
            let wanted = max(start, range.lowerBound)..<max(min(end, range.upperBound), max(start, range.lowerBound))
            if !wanted.isEmpty { result += try piece.read(wanted.lowerBound - start..<wanted.upperBound - start) }
            start = end
        }
        invariant(result.count == range.count, "an object's bytes are not as many as were asked for")
        return result
    }

    /// All of it.
    public func read() throws(ObjectStoreError) -> [UInt8] { try read(0..<count) }
}

extension ObjectContents.Piece {
    fileprivate func read(_ range: Range<Int>) throws(ObjectStoreError) -> [UInt8] {
        switch self {
        case .bytes(let bytes): return Array(bytes[range])
        case .file(let path, let whole):
            let bytes: [UInt8]
            do throws(PosixFailure) {
                bytes = try PosixFile(path, O_RDONLY).read(at: whole.lowerBound + Int64(range.lowerBound), count: range.count)
            } catch { throw .invalid(reason: "What is to be uploaded cannot be read: \(error.operation) \(path): \(String(cString: strerror(error.code)))") }
            guard bytes.count == range.count else {
                throw .invalid(reason: "What is to be uploaded is not all there: \(path) ends \(range.count - bytes.count) bytes early.")
            }
            return bytes
        }
    }
}
