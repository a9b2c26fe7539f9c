import Changesets
import FleetModel

extension PageSet {
    /// What a set does to the two files: the pages of each, and where each ends after it.
    struct DuckDBParts {
        var main: ArraySlice<Page> = []
        var mainPages: UInt64 = 0
        var wal: ArraySlice<Page> = []
        /// Bytes; `nil` when the set leaves the WAL as it is.
        var walBytes: Int?
    }

    /// Refuses what could not have come from a DuckDB database, before any of it is written.
    ///
    /// - Throws: code `data_corrupt`.
    func checkedForDuckDB() throws(BerthError) -> DuckDBParts {
        func refuse(_ reason: String) -> BerthError { BerthError(.dataCorrupt, "A changeset cannot be applied: \(reason).") }
        guard pageSize == DuckDBFiles.pageSize, endPageCount == nil else { throw refuse("its pages are not a DuckDB database's") }
        var previous: UInt64?
        for page in pages {
            if let previous, page.id <= previous { throw refuse("page \(page.id) comes after page \(previous)") }
            guard page.bytes.count <= pageSize, page.bytes.lowerBound >= 0, page.bytes.upperBound <= content.size else {
                throw refuse("page \(page.id) has \(page.bytes.count) bytes, or they are missing")
            }
            // Far beyond any file, and far from where offsets overflow.
            guard page.id & (DuckDBFiles.walBase - 1) < 1 << 40, page.id < DuckDBFiles.walBase * 2 else {
                throw refuse("page \(page.id) lies beyond every file")
            }
            previous = page.id
        }
        var parts = DuckDBParts()
        let split = pages.firstIndex { $0.id >= DuckDBFiles.walBase } ?? pages.endIndex
        guard let end = pages[..<split].last, end.bytes.isEmpty else { throw refuse("it does not say where the main file ends") }
        parts.main = pages[..<(split - 1)]
        parts.mainPages = end.id
        guard end.id >= UInt64(DuckDBFiles.headerPages) else { throw refuse("it ends the main file at page \(end.id)") }
        if let short = parts.main.first(where: { $0.bytes.count != pageSize }) {
            throw refuse("page \(short.id) has \(short.bytes.count) bytes")
        }
        guard let walEnd = pages[split...].last else { return parts }
        guard walEnd.bytes.isEmpty else { throw refuse("it does not say where the WAL ends") }
        parts.wal = pages[split...].dropLast()
        // Only the last page may be short, and it must be there, or the WAL's length is unknown.
        guard parts.wal.dropLast().allSatisfy({ $0.bytes.count == pageSize }) else { throw refuse("a page inside the WAL is short") }
        guard let last = parts.wal.last else {
            guard walEnd.id == DuckDBFiles.walBase else { throw refuse("the WAL's last page is missing") }
            parts.walBytes = 0
            return parts
        }
        guard last.id + 1 == walEnd.id, !last.bytes.isEmpty else { throw refuse("the WAL's last page is missing") }
        parts.walBytes = Int(last.id - DuckDBFiles.walBase) * pageSize + last.bytes.count
        return parts
    }
}
