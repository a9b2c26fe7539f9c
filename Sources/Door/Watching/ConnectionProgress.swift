import FleetModel
import NIOCore

/// How far one connection is with its requests and answers, and until when it must be further. A value without I/O.
///
/// Only what the client owes has a deadline: it has none while its request is being answered, and while nothing is read from it.
struct ConnectionProgress {
    /// What arrives.
    private enum Inbound {
        /// Nothing.
        case between
        /// A head that is not all there; without a time until it is known that it came in more than one piece.
        case head(began: NIODeadline?)
        /// A body; without a pace as above.
        case body(TransferPace?)
        /// The rest of a request that was answered before it was there.
        case rest(until: NIODeadline)
        /// What the client sends before it notices that nobody listens any more.
        case ignored(until: NIODeadline)
    }

    enum Verdict: Equatable {
        /// To be judged again at this time, or earlier when something is owed earlier.
        case goesOn(until: NIODeadline)
        case ends(EndReason)
    }

    private let limits: PaceLimits
    private var inbound = Inbound.between
    /// Requests whose head is there and whose answer is not at its end.
    private(set) var unanswered = 0
    private var idleSince: NIODeadline
    /// The answer that its client is behind with.
    private var reader: TransferPace?
    /// Since when nobody asks for more of a body.
    private var pausedSince: NIODeadline?

    init(_ limits: PaceLimits, at now: NIODeadline) {
        self.limits = limits
        idleSince = now
    }

    /// Whether nothing that arrives is looked at any more.
    var isOver: Bool { if case .ignored = inbound { true } else { false } }

    /// Whether a request is not all there.
    var isReceiving: Bool {
        switch inbound {
        case .body, .rest: true
        case .between, .head, .ignored: false
        }
    }

    // MARK: What arrives

    mutating func bytesArrived(_ count: Int) {
        switch inbound {
        case .between: inbound = .head(began: nil)
        case .body(var pace?):
            inbound = .between
            pace.move(count)
            inbound = .body(pace)
        default: break
        }
    }

    /// - Returns: `false` when it is one too many.
    mutating func headArrived() -> Bool {
        unanswered += 1
        inbound = .body(nil)
        return unanswered <= 1 + limits.pipelinedRequests
    }

    mutating func requestEnded() {
        if !isOver { inbound = .between }
    }

    /// All that had arrived was looked at.
    ///
    /// - Returns: when to judge it, when more is owed.
    mutating func readEnded(at now: @autoclosure () -> NIODeadline) -> NIODeadline? {
        switch inbound {
        case .between, .ignored: return nil
        case .rest(let until): return until
        case .head(let began):
            let began = began ?? now()
            inbound = .head(began: began)
            return began + limits.head
        case .body(let pace):
            let now = now()
            let current = pace ?? TransferPace(window: limits.bodyWindow, rate: limits.bodyRate, from: now)
            inbound = .body(current)
            pausedSince = now
            return current.windowEnds
        }
    }

    /// More is asked for.
    mutating func readContinues(at now: @autoclosure () -> NIODeadline) {
        guard let since = pausedSince else { return }
        pausedSince = nil
        if case .body(var pace?) = inbound {
            pace.excuse(now() - since)
            inbound = .body(pace)
        }
    }

    // MARK: What is answered

    /// - Returns: when to judge it again, if its request is not all there.
    mutating func answerEnded(closes: Bool, at now: NIODeadline) -> NIODeadline? {
        guard unanswered > 0 else { return nil }
        unanswered -= 1
        idleSince = now
        pausedSince = nil
        if closes {
            inbound = .ignored(until: now + limits.refusedBody)
            return now + limits.refusedBody
        }
        switch inbound {
        case .body where unanswered == 0:
            inbound = .rest(until: now + limits.refusedBody)
            return now + limits.refusedBody
        // Until now the requests before kept it waiting.
        case .body:
            let pace = TransferPace(window: limits.bodyWindow, rate: limits.bodyRate, from: now)
            inbound = .body(pace)
            return pace.windowEnds
        case .head where unanswered == 0:
            inbound = .head(began: now)
            return now + limits.head
        default: return nil
        }
    }

    /// The client is behind with an answer.
    ///
    /// - Returns: when to judge it.
    mutating func readerIsBehind(at now: NIODeadline) -> NIODeadline? {
        guard reader == nil else { return nil }
        let pace = TransferPace(window: limits.answerWindow, rate: limits.answerRate, from: now)
        reader = pace
        return pace.windowEnds
    }

    mutating func bytesTaken(_ count: Int) { reader?.move(count) }

    mutating func readerCaughtUp(at now: NIODeadline) {
        reader = nil
        idleSince = now
    }

    // MARK: Deadlines

    mutating func judge(at now: NIODeadline) -> Verdict {
        var next = now + limits.idle
        if var pace = reader {
            guard pace.mayGoOn(at: now) else { return .ends(.reader) }
            reader = pace
            next = min(next, pace.windowEnds)
        }
        switch inbound {
        case .ignored(let until), .rest(let until):
            guard now < until else { return .ends(.refusedBody) }
            next = min(next, until)
        case .between:
            // Who still takes an answer is not idle.
            guard unanswered == 0, reader == nil else { break }
            guard now < idleSince + limits.idle else { return .ends(.idle) }
            next = min(next, idleSince + limits.idle)
        case .head(let began):
            guard unanswered == 0, let began else { break }
            guard now < began + limits.head else { return .ends(.head) }
            next = min(next, began + limits.head)
        case .body(let pace):
            // Those before it are answered first, and nothing of it is read meanwhile.
            guard unanswered == 1, var pace, pausedSince == nil else { break }
            guard pace.mayGoOn(at: now) else { return .ends(.body) }
            inbound = .body(pace)
            next = min(next, pace.windowEnds)
        }
        invariant(next > now, "a connection is judged without end")
        return .goesOn(until: next)
    }
}

/// The part of the limits that concerns one connection, as its event loop counts time.
struct PaceLimits: Sendable {
    var idle: TimeAmount
    var head: TimeAmount
    var pipelinedRequests: Int
    var bodyWindow: TimeAmount
    var bodyRate: Int
    var refusedBody: TimeAmount
    var answerWindow: TimeAmount
    var answerRate: Int

    init(_ limits: DoorLimits) {
        idle = .nanoseconds(limits.idle.nanoseconds)
        head = .nanoseconds(limits.head.nanoseconds)
        pipelinedRequests = limits.pipelinedRequests
        bodyWindow = .nanoseconds(limits.bodyWindow.nanoseconds)
        bodyRate = limits.bodyRate
        refusedBody = .nanoseconds(limits.refusedBody.nanoseconds)
        answerWindow = .nanoseconds(limits.answerWindow.nanoseconds)
        answerRate = limits.answerRate
    }
}
