import Changesets
import FleetModel

extension PageSet {
    /// Refuses what could not have come from a SQLite database, before any of it is written.
    ///
    /// - Throws: code `data_corrupt`.
    func checkForSQLite(pageSize expected: Int?) throws(BerthError) {
        func refuse(_ reason: String) -> BerthError {
            BerthError(.dataCorrupt, "A changeset cannot be applied: \(reason).")
        }
        guard (512...65_536).contains(pageSize), pageSize.nonzeroBitCount == 1 else {
            throw refuse("its pages have \(pageSize) bytes")
        }
        if let expected, expected != pageSize {
            throw refuse("its pages have \(pageSize) bytes, the file's have \(expected)")
        }
        var previous: UInt64 = 0
        for page in pages {
            guard page.id > previous else { throw refuse("page \(page.id) comes after page \(previous)") }
            guard page.id <= endPageCount ?? .max, page.id <= UInt64(UInt32.max) else {
                throw refuse("page \(page.id) lies beyond the end")
            }
            guard page.bytes.count <= pageSize, page.bytes.lowerBound >= 0, page.bytes.upperBound <= content.size else {
                throw refuse("page \(page.id) has \(page.bytes.count) bytes, or they are missing")
            }
            previous = page.id
        }
        if let endPageCount, endPageCount > UInt64(UInt32.max) { throw refuse("it ends at page \(endPageCount)") }
    }
}
