/// Pages of the files of one database, ascending by identifier, in one contiguous buffer.
///
/// This is what an engine captures and what a restore applies; `.hadbp` is its form on the outside.
public struct PageSet: Sendable, Equatable {
    public struct Page: Sendable, Equatable {
        /// 1-based page number for SQLite; for DuckDB 0-based in the main file, and from 2⁴⁸ on in the WAL.
        public var id: UInt64
        /// Where the content lies in `PageSet.bytes`; never longer than `pageSize`. Empty where an engine marks a file's end.
        public var bytes: Range<Int>

        public init(id: UInt64, bytes: Range<Int>) {
            self.id = id
            self.bytes = bytes
        }
    }

    /// Bytes per page.
    public var pageSize: Int
    /// Pages in the file after these are applied (the file is truncated or extended to that); `nil` when these pages
    /// are the whole file, or say themselves where their files end.
    public var endPageCount: UInt64?
    public var pages: [Page]
    public var bytes: [UInt8]

    public init(pageSize: Int, endPageCount: UInt64?, pages: [Page] = [], bytes: [UInt8] = []) {
        self.pageSize = pageSize
        self.endPageCount = endPageCount
        self.pages = pages
        self.bytes = bytes
    }
}
