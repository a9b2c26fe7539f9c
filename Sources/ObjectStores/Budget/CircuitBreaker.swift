import FleetModel

/// Decides whether a request may be made, from how the last ones went.
///
/// A pure state machine: it is told the time and the outcomes and does nothing itself. Closed, it lets everything
/// through and counts failures in a row. At the threshold it opens and refuses everything for a while. Then it lets one
/// request through; its success closes the circuit, its failure opens it again. When it does neither for as long as the
/// circuit is open after a failure, another one is let through: a request that hangs must not hold back all others.
public struct CircuitBreaker: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        case closed(failures: Int)
        /// Until a moment of the clock that the caller uses.
        case open(until: Duration)
        /// - Parameter probing: When the last request that tries began; `nil` when none is under way.
        case halfOpen(probing: Duration?)
    }

    /// Permission for one request, to be given back with its outcome.
    public struct Ticket: Sendable, Hashable {
        let generation: Int
    }

    public enum Admission: Sendable, Hashable {
        case admitted(Ticket)
        /// Not before `retryAfter` from now, unless the request that tries succeeds earlier.
        case refused(retryAfter: Duration)
    }

    public enum Outcome: Sendable, Hashable {
        /// The store answered, be it that the object is not there.
        case answered
        case failed
        /// It is not known, because the caller lost interest.
        case abandoned
    }

    public private(set) var state = State.closed(failures: 0)
    /// Counts changes of state, so that a late outcome does not count in a state it does not belong to.
    private var generation = 0
    private let failureThreshold: Int
    private let openDuration: Duration

    /// - Parameters:
    ///   - failureThreshold: Failures in a row that open the circuit.
    ///   - openDuration: How long it then stays open.
    public init(failureThreshold: Int, openDuration: Duration) {
        self.failureThreshold = max(1, failureThreshold)
        self.openDuration = openDuration
    }

    /// Whether requests are held back.
    public var isOpen: Bool {
        if case .closed = state { false } else { true }
    }

    public mutating func admit(at now: Duration) -> Admission {
        switch state {
        case .closed(let failures):
            invariant(failures < failureThreshold, "the circuit is closed after too many failures")
            return .admitted(Ticket(generation: generation))
        case .open(let until) where now < until:
            return .refused(retryAfter: until - now)
        case .open:
            enter(.halfOpen(probing: now))
            return .admitted(Ticket(generation: generation))
        case .halfOpen(let began?) where now < began + openDuration:
            return .refused(retryAfter: began + openDuration - now)
        case .halfOpen:
            // The outcome of the one before still counts, whenever it comes.
            state = .halfOpen(probing: now)
            return .admitted(Ticket(generation: generation))
        }
    }

    public mutating func record(_ outcome: Outcome, of ticket: Ticket, at now: Duration) {
        invariant(ticket.generation <= generation, "an outcome of a request that was not admitted yet")
        guard ticket.generation == generation else { return }
        switch (state, outcome) {
        case (.closed, .answered):
            state = .closed(failures: 0)
        case (.closed(let failures), .failed) where failures + 1 < failureThreshold:
            state = .closed(failures: failures + 1)
        case (.closed, .failed), (.halfOpen, .failed):
            enter(.open(until: now + openDuration))
        case (.halfOpen, .answered):
            enter(.closed(failures: 0))
        case (.halfOpen, .abandoned):
            enter(.halfOpen(probing: nil))
        case (.closed, .abandoned), (.open, _):
            break
        }
    }

    private mutating func enter(_ state: State) {
        self.state = state
        generation += 1
    }
}
