import Changesets
import FleetModel

extension PosixFile {
    /// Writes the pages of a checked set, then cuts or extends the file to its end.
    func apply(_ set: PageSet) throws(FileFailure) {
        let end = set.endPageCount ?? set.pages.last?.id ?? 0
        // The whole file: nothing of what was there may show through between its pages.
        if set.endPageCount == nil { try setSize(0) }
        try set.forEachRun(of: set.pages[...]) { run throws(FileFailure) in
            invariant(run.first >= 1, "a page of a checked set lies nowhere")
            let offset = Int(run.first - 1) * set.pageSize
            try write(run.bytes, at: offset)
            // A page that is stored short ends in zeros.
            let missing = set.pageSize * run.count - run.bytes.count
            if missing > 0 { try write([UInt8](repeating: 0, count: missing), at: offset + run.bytes.count) }
        }
        try setSize(Int(end) * set.pageSize)
    }
}
