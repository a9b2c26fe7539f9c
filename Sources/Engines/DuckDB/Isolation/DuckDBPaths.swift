import FleetModel
import Foundation

/// Keeps from tenants where a node has the files of their database. DuckDB tells in `duckdb_databases()`, `PRAGMA database_list` and settings,
/// and cannot be kept from knowing: it makes every path absolute.
///
/// Whatever is answered is looked through, as a view or a macro may stand before them. What is computed of a path is not found.
struct DuckDBPaths {
    private let directory: String
    private let needles: [[UInt8]]

    /// - Parameter directory: the folder of one database, which no text of a tenant's names by chance.
    init(_ directory: String) {
        self.directory = directory
        let behindLinks = URL(filePath: directory).resolvingSymlinksInPath().path
        needles = Set([directory, behindLinks]).filter { $0.utf8.count > 1 }.map { Array($0.utf8) }
    }

    /// The rows without the folder.
    func hidden(in rows: RowBlock) -> RowBlock {
        var isTold = false
        rows.forEachValue { _, value in
            if !isTold, case .text(let text) = value { isTold = tells(text) }
        }
        guard isTold else { return rows }
        return RowBlock(
            rows.values.map { row in
                row.map { value in if case .text(let text) = value { .text(text.hidingDirectory(directory)) } else { value } }
            })
    }

    private func tells(_ text: UnsafeRawBufferPointer) -> Bool {
        needles.contains { needle in
            guard text.count >= needle.count, let start = text.baseAddress else { return false }
            var from = start
            // Every path begins with the same byte, and few texts have it.
            while let found = memchr(from, Int32(needle[0]), start + text.count - from) {
                guard start + text.count - UnsafeRawPointer(found) >= needle.count else { return false }
                if memcmp(found, needle, needle.count) == 0 { return true }
                from = UnsafeRawPointer(found) + 1
            }
            return false
        }
    }
}
