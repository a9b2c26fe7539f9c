import FleetModel

/// Pages of the files of one database, ascending by identifier, with their content in one place.
///
/// This is what an engine captures and what a restore applies; `.hadbp` is its form on the outside.
public struct PageSet: Sendable, Equatable {
    public struct Page: Sendable, Equatable {
        /// 1-based page number for SQLite; for DuckDB 0-based in the main file, and from 2⁴⁸ on in the WAL.
        public var id: UInt64
        /// Where it lies in the content of the set; never longer than `pageSize`. Empty where an engine marks a file's end.
        public var bytes: Range<Int>

        public init(id: UInt64, bytes: Range<Int>) {
            self.id = id
            self.bytes = bytes
        }
    }

    public enum Content: Sendable, Equatable {
        case memory([UInt8])
        /// Of a set that is too large for memory: in the file of the changeset that it is, or will be.
        case file(SpoolFile)

        /// In bytes, with what lies between the pages.
        public var size: Int {
            switch self {
            case .memory(let bytes): bytes.count
            case .file(let file): file.size
            }
        }

        public static func == (one: Content, other: Content) -> Bool {
            switch (one, other) {
            case (.memory(let one), .memory(let other)): one == other
            case (.file(let one), .file(let other)): one === other
            case (.memory, .file), (.file, .memory): false
            }
        }
    }

    /// Bytes per page.
    public var pageSize: Int
    /// Pages in the file after these are applied (the file is truncated or extended to that); `nil` when these pages
    /// are the whole file, or say themselves where their files end.
    public var endPageCount: UInt64?
    public var pages: [Page]
    public var content: Content

    public init(pageSize: Int, endPageCount: UInt64?, pages: [Page] = [], bytes: [UInt8] = []) {
        self.init(pageSize: pageSize, endPageCount: endPageCount, pages: pages, content: .memory(bytes))
    }

    public init(pageSize: Int, endPageCount: UInt64?, pages: [Page], content: Content) {
        self.pageSize = pageSize
        self.endPageCount = endPageCount
        self.pages = pages
        self.content = content
    }

    /// The content of a set that is in memory.
    public var bytes: [UInt8] {
        get {
            guard case .memory(let bytes) = content else { brokenInvariant("a set in a file is asked for its bytes") }
            return bytes
        }
        set { content = .memory(newValue) }
    }
}
