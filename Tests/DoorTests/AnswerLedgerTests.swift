import Testing

@testable import Door

struct AnswerLedgerTests {
    @Test func whoKeepsItsAnswerWaitingLongestIsCutOff() {
        var ledger = AnswerLedger<String>(maximum: 100)
        #expect(ledger.hold(40, for: "a", at: 1).isEmpty)
        #expect(ledger.hold(40, for: "b", at: 2).isEmpty)
        #expect(ledger.hold(20, for: "c", at: 3).isEmpty)
        #expect(ledger.bytes == 100)
        // What it takes meanwhile makes room, and does not make it younger.
        #expect(ledger.hold(30, for: "a", at: 4).isEmpty)
        #expect(ledger.hold(30, for: "d", at: 5) == ["a"])
        #expect(ledger.bytes == 90)
        #expect(ledger.hold(75, for: "d", at: 6) == ["b"])
        #expect(ledger.bytes == 95)
    }

    @Test func anAnswerThatFitsNowhereIsCutOffWithTheOthers() {
        var ledger = AnswerLedger<String>(maximum: 100)
        _ = ledger.hold(60, for: "a", at: 1)
        #expect(ledger.hold(101, for: "b", at: 2) == ["a", "b"])
        #expect(ledger.bytes == 0)
    }

    @Test func whatWasTakenHoldsNothing() {
        var ledger = AnswerLedger<String>(maximum: 100)
        _ = ledger.hold(60, for: "a", at: 1)
        _ = ledger.hold(0, for: "a", at: 2)
        #expect(ledger.bytes == 0)
        _ = ledger.hold(60, for: "a", at: 3)
        ledger.release("a")
        ledger.release("a")
        #expect(ledger.bytes == 0)
    }
}
