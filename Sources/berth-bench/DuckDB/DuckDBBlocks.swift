import Foundation

/// The blocks of a DuckDB file, told apart by the checksum each begins with.
struct DuckDBBlocks {
    private static let headerBytes = 3 * 4096
    private static let blockBytes = 256 << 10
    private let checksums: [UInt64]
    let fileBytes: Int

    init(of path: String) throws {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        fileBytes = Int(try file.seekToEnd())
        var checksums: [UInt64] = []
        for start in stride(from: Self.headerBytes, to: fileBytes, by: Self.blockBytes) {
            try file.seek(toOffset: UInt64(start))
            guard let bytes = try file.read(upToCount: 8), bytes.count == 8 else { throw WorkLost("\(path) is cut off") }
            checksums.append(bytes.reduce(0) { $0 << 8 | UInt64($1) })
        }
        self.checksums = checksums
    }

    /// Of blocks that are new or have another checksum.
    func bytesThatDiffer(from other: DuckDBBlocks) -> Int {
        checksums.indices.count { !other.checksums.indices.contains($0) || checksums[$0] != other.checksums[$0] } * Self.blockBytes
    }
}
