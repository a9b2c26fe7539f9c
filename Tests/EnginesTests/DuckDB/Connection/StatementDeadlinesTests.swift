import FleetModel
import Testing

@testable import Engines

@Suite struct StatementDeadlinesTests {
    private func at(_ milliseconds: Int64) -> BootInstant { BootInstant(nanoseconds: milliseconds * 1_000_000) }

    @Test func oneAlarmIsSetForTheEarliest() {
        var deadlines = StatementDeadlines<String>()
        _ = deadlines.begin("late", until: at(500))
        var alarm = deadlines.nextAlarm()
        #expect(alarm == at(500))
        _ = deadlines.begin("later", until: at(900))
        alarm = deadlines.nextAlarm()
        #expect(alarm == nil, "the one that is set rings before")
        _ = deadlines.begin("early", until: at(100))
        alarm = deadlines.nextAlarm()
        #expect(alarm == at(100))
    }

    @Test func whoIsDueIsToldAgainUntilItEnds() {
        var deadlines = StatementDeadlines<String>()
        let due = deadlines.begin("due", until: at(100)), other = deadlines.begin("other", until: at(500))
        var told = deadlines.due(at: at(99))
        #expect(told.isEmpty)
        told = deadlines.due(at: at(100))
        #expect(told == ["due"])
        let alarm = deadlines.nextAlarm()
        #expect(alarm == at(110))
        told = deadlines.due(at: at(110))
        #expect(told == ["due"])
        let wasInterrupted = (deadlines.end(due), deadlines.end(other), deadlines.end(due))
        #expect(wasInterrupted == (true, false, false))
        #expect(deadlines.nextAlarm() == nil)
    }
}
