import FleetModel
import Testing

@testable import EngineHost

@Suite struct OverdueWorksTests {
    private func work(_ number: UInt64, until seconds: Int64?) -> ExecutionBoard.Work {
        ExecutionBoard.Work(
            row: Int(number), number: number, database: .random(), since: BootInstant(nanoseconds: 0),
            deadline: seconds.map { BootInstant(nanoseconds: $0 * 1_000_000_000) }, thread: 0)
    }

    private func at(_ seconds: Int64) -> BootInstant { BootInstant(nanoseconds: seconds * 1_000_000_000) }

    @Test func workThatGoesOnAfterItsTimeEndsTheHost() {
        var overdue = OverdueWorks(grace: .seconds(2), interval: .milliseconds(500))
        let works = [work(1, until: nil), work(2, until: 100), work(3, until: 30)]
        #expect(overdue.limit == 4)
        for _ in 0..<10 { #expect(overdue.look(at: works, now: at(30)) == nil, "at its deadline it is not late") }
        for _ in 0..<4 { #expect(overdue.look(at: works, now: at(31)) == nil, "it is being interrupted") }
        #expect(overdue.look(at: works, now: at(31))?.number == 3)
    }

    /// A process that was stopped, and goes on, had no time to interrupt anything.
    @Test func aLongPauseIsOneLook() {
        var overdue = OverdueWorks(grace: .seconds(2), interval: .seconds(1))
        #expect(overdue.look(at: [work(1, until: 30)], now: at(3_600)) == nil)
    }

    @Test func whatEndsInTimeIsForgotten() {
        var overdue = OverdueWorks(grace: .seconds(1), interval: .seconds(1))
        #expect(overdue.look(at: [work(1, until: 30)], now: at(31)) == nil)
        #expect(overdue.look(at: [], now: at(31)) == nil)
        // In the same row, and late by itself.
        #expect(overdue.look(at: [work(2, until: 30)], now: at(31)) == nil)
        #expect(overdue.look(at: [work(2, until: 30)], now: at(31))?.number == 2)
    }
}
