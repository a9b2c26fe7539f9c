import FleetModel
import Foundation

extension DuckDBState {
    /// Makes the main file at `path`, which is closed, what was captured, where it differs in blocks that no commit refers to.
    ///
    /// An insert that was rolled back leaves such blocks. The next opening reads their checksums as captured; if DuckDB
    /// then writes the same content there once more, no capture would see it.
    func sweep(_ path: String, found: DuckDBState) throws(FileFailure) {
        guard found.blocks != blocks else { return }
        let file = try PosixFile(path, O_RDWR)
        try file.setSize(DuckDBFiles.headerBytes + blocks.count * blockSize)
        // Not the checksum of any content that DuckDB writes.
        let none = [UInt8](repeating: 0, count: 8)
        for (block, checksum) in blocks.enumerated() where block >= found.blocks.count || found.blocks[block] != checksum {
            try none.withUnsafeBufferPointer { buffer throws(FileFailure) in
                try file.write(UnsafeRawBufferPointer(buffer), at: DuckDBFiles.headerBytes + block * blockSize)
            }
        }
        try file.sync()
    }
}
