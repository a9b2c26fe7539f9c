import Chaos
import Testing

@Suite struct InsertLogTests {
    private func log(acknowledging rows: [Int64], of sent: Int) -> InsertLog {
        var log = InsertLog()
        for _ in 0..<sent { _ = log.next() }
        for row in rows { log.acknowledge(row, at: .milliseconds(row * 10), after: .milliseconds(row)) }
        return log
    }

    @Test func whatWasNotAcknowledgedMayBeThereOrNot() {
        #expect(log(acknowledging: [1, 3], of: 4).compared(with: [1, 2, 3]).isClean)
        #expect(log(acknowledging: [1, 3], of: 4).compared(with: [1, 3]).isClean)
    }

    @Test func whatIsMissingTwiceOrNobodysIsTold() {
        let log = log(acknowledging: [1, 2, 4], of: 4)
        #expect(log.compared(with: [1]).lost == 2)
        #expect(log.compared(with: [1, 2, 2, 4]).wrong == 1)
        #expect(log.compared(with: [1, 2, 4, 5]).wrong == 1)
        #expect(InsertLog().compared(with: [1]).wrong == 1)
    }

    @Test func gapsLieBetweenAcknowledgements() {
        var log = log(acknowledging: [1, 2, 5], of: 5)
        log.fail(after: .milliseconds(80))
        #expect(log.compared(with: [1, 2, 5]).longestGap == .milliseconds(30))
        #expect(log.takeLongestAnswer() == .milliseconds(80) && log.takeLongestAnswer() == .zero)
        #expect(log.failures == 1)
    }
}
