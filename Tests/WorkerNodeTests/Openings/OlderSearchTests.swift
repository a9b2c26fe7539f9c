import Testing

@testable import WorkerNode

@Suite struct OlderSearchTests {
    /// Up to `last` every state opens, from there to `head` none does.
    private func search(head: UInt64, last: UInt64) -> (found: UInt64?, tries: Int) {
        var search = OlderSearch(before: head)
        var tries = 0
        while let seq = search.next {
            #expect(seq > 0 && seq < head)
            search.tried(seq, didOpen: seq <= last)
            tries += 1
        }
        return (search.opens, tries)
    }

    @Test func findsTheNewestThatOpens() {
        for head in UInt64(1)...70 {
            for last in 0..<head {
                #expect(search(head: head, last: last).found == (last == 0 ? nil : last), "\(last) of \(head)")
            }
        }
    }

    /// A try restores a whole database: a long chain costs few, and what was published last costs least.
    @Test func triesFew() {
        #expect(search(head: 1_000_000, last: 999_999).tries == 1)
        #expect(search(head: 1_000_000, last: 999_998).tries <= 3)
        for last in [UInt64(0), 1, 17, 500_000, 999_000] { #expect(search(head: 1_000_000, last: last).tries <= 41) }
    }

    /// States that open and fail in turn: it ends, at one that opens.
    @Test func endsWhateverItHears() {
        var search = OlderSearch(before: 1_000)
        var opening: Set<UInt64> = []
        while let seq = search.next {
            let opens = seq.isMultiple(of: 3)
            if opens { opening.insert(seq) }
            search.tried(seq, didOpen: opens)
        }
        #expect(search.opens.map { opening.contains($0) } == true)
    }
}
