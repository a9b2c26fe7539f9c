import ObjectStores
import Testing

@Suite struct CircuitBreakerTests {
    private var breaker = CircuitBreaker(failureThreshold: 3, openDuration: .seconds(10))

    private mutating func admitted(at now: Duration) throws -> CircuitBreaker.Ticket {
        guard case .admitted(let ticket) = breaker.admit(at: now) else {
            throw ObjectStoreError.unavailable(reason: "refused at \(now) in \(breaker.state)", retryable: false)
        }
        return ticket
    }

    private mutating func fail(at now: Duration) throws {
        breaker.record(.failed, of: try admitted(at: now), at: now)
    }

    @Test mutating func opensAfterFailuresInARowOnly() throws {
        try fail(at: .zero)
        try fail(at: .zero)
        breaker.record(.answered, of: try admitted(at: .zero), at: .zero)
        try fail(at: .zero)
        try fail(at: .zero)
        breaker.record(.abandoned, of: try admitted(at: .zero), at: .zero)
        #expect(breaker.state == .closed(failures: 2))
        try fail(at: .seconds(1))
        #expect(breaker.state == .open(until: .seconds(11)))
        #expect(breaker.isOpen)
        #expect(breaker.admit(at: .seconds(4)) == .refused(retryAfter: .seconds(7)))
    }

    @Test mutating func letsOneRequestTryAndClosesOnItsSuccess() throws {
        for _ in 0..<3 { try fail(at: .zero) }
        let probe = try admitted(at: .seconds(10))
        #expect(breaker.state == .halfOpen(probing: .seconds(10)))
        #expect(breaker.admit(at: .seconds(11)) == .refused(retryAfter: .seconds(9)))
        breaker.record(.answered, of: probe, at: .seconds(11))
        #expect(breaker.state == .closed(failures: 0))
        #expect(!breaker.isOpen)
    }

    @Test mutating func opensAgainWhenTheTryFails() throws {
        for _ in 0..<3 { try fail(at: .zero) }
        let probe = try admitted(at: .seconds(10))
        breaker.record(.failed, of: probe, at: .seconds(12))
        #expect(breaker.state == .open(until: .seconds(22)))
    }

    @Test mutating func letsAnotherTryWhenTheFirstIsAbandoned() throws {
        for _ in 0..<3 { try fail(at: .zero) }
        let first = try admitted(at: .seconds(10))
        breaker.record(.abandoned, of: first, at: .seconds(10))
        #expect(breaker.isOpen)
        let second = try admitted(at: .seconds(10))
        // The first one's outcome is not the second one's.
        breaker.record(.answered, of: first, at: .seconds(10))
        #expect(breaker.state == .halfOpen(probing: .seconds(10)))
        breaker.record(.answered, of: second, at: .seconds(10))
        #expect(!breaker.isOpen)
    }

    @Test mutating func lateOutcomesDoNotCount() throws {
        let early = try admitted(at: .zero)
        let alsoEarly = try admitted(at: .zero)
        for _ in 0..<3 { try fail(at: .zero) }
        breaker.record(.answered, of: early, at: .seconds(1))
        #expect(breaker.state == .open(until: .seconds(10)))
        let probe = try admitted(at: .seconds(10))
        breaker.record(.failed, of: alsoEarly, at: .seconds(10))
        #expect(breaker.state == .halfOpen(probing: .seconds(10)))
        breaker.record(.answered, of: probe, at: .seconds(10))
        breaker.record(.failed, of: alsoEarly, at: .seconds(10))
        #expect(breaker.state == .closed(failures: 0))
    }

    /// The connection hangs, or the answer takes its time: others try, and whoever is answered first closes the circuit.
    @Test mutating func aRequestThatHangsDoesNotHoldBackAllOthers() throws {
        for _ in 0..<3 { try fail(at: .zero) }
        let hanging = try admitted(at: .seconds(10))
        #expect(breaker.admit(at: .seconds(19)) == .refused(retryAfter: .seconds(1)))
        let second = try admitted(at: .seconds(20))
        #expect(breaker.admit(at: .seconds(21)) == .refused(retryAfter: .seconds(9)))
        var other = self
        breaker.record(.answered, of: second, at: .seconds(22))
        #expect(breaker.state == .closed(failures: 0))
        breaker.record(.failed, of: hanging, at: .seconds(70))
        #expect(breaker.state == .closed(failures: 0), "its time is over")
        other.breaker.record(.answered, of: hanging, at: .seconds(22))
        #expect(other.breaker.state == .closed(failures: 0))
    }

    /// Whatever happens, it never lets two try at once without need, never stays shut for good and never opens without cause.
    @Test(arguments: 0..<20) mutating func keepsItsPromisesUnderAnySequence(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var underway: [CircuitBreaker.Ticket] = []
        var now = Duration.zero
        for _ in 0..<2000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: now += .milliseconds(Int.random(in: 0..<4000, using: &random))
            case 1:
                let before = breaker.state
                if case .admitted(let ticket) = breaker.admit(at: now) {
                    underway.append(ticket)
                    if case .halfOpen(let began?) = before { #expect(now >= began + .seconds(10)) }
                }
            default:
                guard let index = underway.indices.randomElement(using: &random) else { continue }
                let outcome = [CircuitBreaker.Outcome.answered, .failed, .abandoned].randomElement(using: &random) ?? .failed
                let before = breaker.state
                breaker.record(outcome, of: underway.remove(at: index), at: now)
                if case .open = breaker.state, before != breaker.state { #expect(outcome == .failed) }
            }
        }
        // Everything ends; later, one success closes it.
        for ticket in underway { breaker.record(.abandoned, of: ticket, at: now) }
        breaker.record(.answered, of: try admitted(at: now + .seconds(10)), at: now + .seconds(10))
        #expect(breaker.state == .closed(failures: 0))
    }
}
