import FleetModel
import Testing

@Suite struct FreedMemoryTests {
    /// What is said, look by look.
    private func verdicts(_ looks: [(open: Int, at: Int)]) -> [Bool] {
        var memory = FreedMemory()
        return looks.map { memory.isWorthGivingBack(open: $0.open, at: .seconds($0.at)) }
    }

    @Test func manyThatCloseAreWorthItAtOnce() {
        let few = 1_001 - FreedMemory.worthwhile, many = few - 1
        // Given back: it takes as many again.
        let found = verdicts([(1_000, 1), (few, 2), (many, 3), (900, 4), (0, 5), (0, 500)])
        #expect(found == [false, false, true, false, true, false])
    }

    @Test func aFewAreWorthItWhenNothingWasOpenedForAWhile() {
        // At 9 s one was opened.
        let found = verdicts([(5, 1), (3, 2), (4, 9), (3, 18), (3, 19), (3, 60)])
        #expect(found == [false, false, false, false, true, false])
    }

    @Test func nothingIsGivenBackWhileMoreAndMoreIsOpened() {
        #expect(!verdicts((0..<500).map { ($0, $0) }).contains(true))
    }
}
