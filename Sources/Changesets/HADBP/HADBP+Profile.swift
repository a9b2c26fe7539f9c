extension HADBP.Profile {
    /// The rules that hold for a set of pages in either direction.
    ///
    /// Pages without an end-page marker are the whole file when nothing precedes them or when `kind` says so; then every
    /// page from the first must be there.
    func check(_ pages: PageSet, previousChecksum: UInt64, kind: ChangesetKind?) throws(HADBPError) {
        var last: UInt64?
        for page in pages.pages {
            if let last, page.id <= last { throw .pagesNotAscending(previous: last, next: page.id) }
            last = page.id
            guard page.id <= maximumPageID else { throw .pageIDTooLarge(id: page.id, maximum: maximumPageID) }
            guard self == .sqlite else { continue }
            if page.id == 0 { throw .pageIDZero }
            if page.bytes.isEmpty { throw .pageEmpty(id: page.id) }
            if let end = pages.endPageCount, page.id > end { throw .pagePastEnd(id: page.id, endPageCount: end) }
        }
        guard self == .sqlite else { return }
        switch (kind, pages.endPageCount) {
        case (.snapshot, let end?): throw .markerInSnapshot(endPageCount: end)
        case (.delta, nil): throw .deltaWithoutMarker
        case (.snapshot, nil): try checkEveryPage(of: pages)
        case (nil, nil) where previousChecksum == 0: try checkEveryPage(of: pages)
        case (nil, _), (.delta, _): break
        }
    }

    private func checkEveryPage(of pages: PageSet) throws(HADBPError) {
        for (index, page) in pages.pages.enumerated() where page.id != UInt64(index) + 1 {
            throw .pageMissing(expected: UInt64(index) + 1, found: page.id)
        }
    }
}
