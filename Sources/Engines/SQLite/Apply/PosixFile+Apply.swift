import Changesets
import FleetModel

extension PosixFile {
    /// Writes the pages of a checked set, then cuts or extends the file to its end.
    func apply(_ set: PageSet) throws(FileFailure) {
        let end = set.endPageCount ?? set.pages.last?.id ?? 0
        // The whole file: nothing of what was there may show through between its pages.
        if set.endPageCount == nil { try setSize(0) }
        var index = 0
        while index < set.pages.count {
            let run = set.run(from: index)
            invariant(set.pages[index].id >= 1 && run.lowerBound == index && !run.isEmpty, "a page of a checked set lies nowhere")
            let offset = Int(set.pages[index].id - 1) * set.pageSize
            let bytes = set.pages[index].bytes.lowerBound..<set.pages[run.upperBound - 1].bytes.upperBound
            try set.bytes.withUnsafeBufferPointer { buffer throws(FileFailure) in
                try write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[bytes]), at: offset)
            }
            // A page that is stored short ends in zeros.
            let missing = set.pageSize * run.count - bytes.count
            if missing > 0 {
                let zeros = [UInt8](repeating: 0, count: missing)
                try zeros.withUnsafeBufferPointer { buffer throws(FileFailure) in
                    try write(UnsafeRawBufferPointer(buffer), at: offset + bytes.count)
                }
            }
            index = run.upperBound
        }
        try setSize(Int(end) * set.pageSize)
    }
}

extension PageSet {
    /// The pages from `start` that one write can take: neighbours in the file and in `bytes`, all but the last complete.
    fileprivate func run(from start: Int) -> Range<Int> {
        var end = start + 1
        while end < pages.count, pages[end].id == pages[end - 1].id + 1, pages[end - 1].bytes.count == pageSize,
            pages[end].bytes.lowerBound == pages[end - 1].bytes.upperBound
        {
            end += 1
        }
        return start..<end
    }
}
