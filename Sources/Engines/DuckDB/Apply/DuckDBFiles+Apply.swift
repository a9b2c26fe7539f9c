import Changesets
import FleetModel
import Foundation

extension DuckDBFiles {
    /// Brings files that are closed forward by newer sets, in order, and syncs them once at the end.
    ///
    /// - Throws: code `data_corrupt` for a set that cannot be right, `disk_unavailable`.
    func apply(_ sets: [PageSet]) throws(BerthError) {
        let target: DuckDBTarget
        do throws(FileFailure) {
            for leftover in leftovers { try FileSystem.remove(leftover) }
            target = DuckDBTarget(main: try PosixFile(main, O_RDWR), walPath: wal)
        } catch { throw error.berthError }
        for set in sets { try target.apply(set) }
        do throws(FileFailure) { try target.finish() } catch { throw error.berthError }
    }
}

/// The two files while sets are applied to them.
final class DuckDBTarget {
    private let main: PosixFile
    private let walPath: String
    private var wal: PosixFile?

    init(main: PosixFile, walPath: String) {
        self.main = main
        self.walPath = walPath
    }

    /// - Throws: code `data_corrupt` before anything is written, `disk_unavailable`.
    func apply(_ set: PageSet) throws(BerthError) {
        let parts = try set.checkedForDuckDB()
        let leavesHoles: Bool
        do throws(FileFailure) { leavesHoles = try self.leavesHoles(parts, set.pageSize) } catch { throw error.berthError }
        if leavesHoles {
            throw BerthError(.dataCorrupt, "A changeset cannot be applied: it does not follow the files it is applied to.")
        }
        do throws(FileFailure) {
            try Self.write(parts.main, of: set, to: main, base: 0)
            try main.setSize(Int(parts.mainPages) * set.pageSize)
            guard let walBytes = parts.walBytes else { return }
            // Removed only at the end: an empty WAL is what DuckDB reads as none.
            let wal = try openWAL()
            try Self.write(parts.wal, of: set, to: wal, base: DuckDBFiles.walBase)
            try wal.setSize(walBytes)
        } catch { throw error.berthError }
    }

    /// Whether one of the files would get pages that nobody wrote.
    private func leavesHoles(_ parts: PageSet.DuckDBParts, _ pageSize: Int) throws(FileFailure) -> Bool {
        let mainPages = UInt64(try main.size() / pageSize)
        let isShort = parts.mainPages > mainPages
            && UInt64(parts.main.lazy.filter { $0.id >= mainPages }.count) != parts.mainPages - mainPages
        guard let first = parts.wal.first, let last = parts.wal.last else { return isShort }
        let walPages = UInt64(try FileSystem.size(walPath) ?? 0) / UInt64(pageSize)
        let isContiguous = last.id - first.id == UInt64(parts.wal.count - 1)
        return isShort || !isContiguous || first.id - DuckDBFiles.walBase > walPages
    }

    private func openWAL() throws(FileFailure) -> PosixFile {
        if let wal { return wal }
        let opened = try PosixFile(walPath, O_RDWR | O_CREAT)
        wal = opened
        return opened
    }

    /// Makes everything durable but the names.
    func sync() throws(FileFailure) {
        try main.sync()
        try wal?.sync()
    }

    /// Makes everything durable; a WAL of no bytes goes.
    func finish() throws(FileFailure) {
        try sync()
        if try isWALEmpty { try FileSystem.remove(walPath) }
        try FileSystem.syncDirectory(of: walPath)
    }

    /// No set has filled it.
    var isWALEmpty: Bool {
        get throws(FileFailure) { try (FileSystem.size(walPath) ?? 0) == 0 }
    }

    private static func write(
        _ pages: ArraySlice<PageSet.Page>, of set: PageSet, to file: PosixFile, base: UInt64
    ) throws(FileFailure) {
        try set.forEachRun(of: pages) { run throws(FileFailure) in
            invariant(run.first >= base, "a page of a checked set lies nowhere")
            try file.write(run.bytes, at: Int(run.first - base) * set.pageSize)
        }
    }
}
