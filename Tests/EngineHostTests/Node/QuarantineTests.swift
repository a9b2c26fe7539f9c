import FleetModel
import Testing

@testable import EngineHost

@Suite struct QuarantineTests {
    private let database = DatabaseID.random()

    @Test func twiceItIsAloneThreeTimesItIsRefused() {
        var quarantine = Quarantine()
        #expect(quarantine.verdict(on: database, at: .zero) == .none)
        quarantine.died(database, at: .seconds(1), reason: "crash")
        #expect(quarantine.verdict(on: database, at: .seconds(1)) == .none)
        quarantine.died(database, at: .seconds(2), reason: "crash")
        #expect(quarantine.verdict(on: database, at: .seconds(2)) == .alone)
        quarantine.died(database, at: .seconds(3), reason: "watchdog")
        #expect(quarantine.verdict(on: database, at: .seconds(3)) == .refused(Quarantined(reason: "watchdog", remaining: .seconds(60), refusals: 1)))
        #expect(quarantine.refused(at: .seconds(3)).mapValues(\.reason) == [database: "watchdog"])
        #expect(quarantine.verdict(on: .random(), at: .seconds(3)) == .none)
        // Then it gets another chance, for which nobody else pays.
        #expect(quarantine.verdict(on: database, at: .seconds(63)) == .alone)
        #expect(quarantine.refused(at: .seconds(63)).isEmpty)
    }

    @Test func theTimeGrowsToItsLimit() {
        var quarantine = Quarantine(), now = Duration.seconds(1), times: [Duration] = []
        for _ in 0..<12 {
            quarantine.died(database, at: now, reason: "crash")
            guard case .refused(let quarantined) = quarantine.verdict(on: database, at: now) else {
                now += .seconds(1)
                continue
            }
            #expect(quarantined.refusals == times.count + 1)
            times.append(quarantined.remaining)
            now += quarantined.remaining
        }
        #expect(times.prefix(4) == [.seconds(60), .seconds(120), .seconds(240), .seconds(480)])
        #expect(times.allSatisfy { $0 <= .seconds(3_600) } && times.sorted() == times)
    }

    @Test func deathsFarApartCountAlone() {
        var quarantine = Quarantine()
        for minute in stride(from: 1, through: 100, by: 6) {
            quarantine.died(database, at: .seconds(60 * minute), reason: "crash")
            #expect(quarantine.refused(at: .seconds(60 * minute)).isEmpty)
        }
        #expect(quarantine.verdict(on: database, at: .seconds(60 * 200)) == .none)
    }

    /// It is written down by a clock that may be set back meanwhile.
    @Test func whatIsRememberedLastsNoLongerThanARefusalMay() {
        var quarantine = Quarantine()
        quarantine.remember(database, Quarantined(reason: "crash", remaining: .seconds(86_400), refusals: 1), at: .seconds(100))
        #expect(quarantine.verdict(on: database, at: .seconds(3_699)) != .alone)
        #expect(quarantine.verdict(on: database, at: .seconds(3_700)) == .alone)
    }

    /// What another process knew of it: the time goes on, and so does its growing; nobody else is beside it afterwards.
    @Test func whatIsRememberedGoesOn() {
        var quarantine = Quarantine()
        let known = Quarantined(reason: "crash", remaining: .seconds(30), refusals: 2)
        quarantine.remember(database, known, at: .seconds(100))
        #expect(quarantine.verdict(on: database, at: .seconds(110)) == .refused(Quarantined(reason: "crash", remaining: .seconds(20), refusals: 2)))
        #expect(quarantine.verdict(on: database, at: .seconds(130)) == .alone)
        for second in 131...133 { quarantine.died(database, at: .seconds(second), reason: "crash again") }
        #expect(quarantine.verdict(on: database, at: .seconds(133)) == .refused(Quarantined(reason: "crash again", remaining: .seconds(240), refusals: 3)))
        // An older word changes nothing.
        quarantine.remember(database, known, at: .seconds(140))
        #expect(quarantine.refused(at: .seconds(140))[database]?.reason == "crash again")
        quarantine.remember(DatabaseID.random(), Quarantined(reason: "long ago", remaining: .seconds(-5), refusals: 1), at: .seconds(140))
        #expect(quarantine.refused(at: .seconds(140)).count == 1)
    }

    @Test func itIsForgottenAfterBeingWell() {
        var quarantine = Quarantine()
        for second in 1...3 { quarantine.died(database, at: .seconds(second), reason: "crash") }
        #expect(quarantine.verdict(on: database, at: .seconds(600)) == .alone)
        #expect(quarantine.verdict(on: database, at: .seconds(3_000)) == .none)
    }
}
