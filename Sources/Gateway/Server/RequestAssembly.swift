import FleetModel
import NIOCore
import NIOHTTP1

/// Puts the parts of one request after the other together, once its head was admitted. A value without I/O.
struct RequestAssembly {
    enum Action {
        case none
        /// Say what becomes of it: one of `collect`, `discard` and `ignore`.
        case decide(HTTPRequestHead)
        case respond(IncomingRequest)
        /// All of a request is there whose answer does not need its body.
        case answer(HTTPRequestHead, HeadAnswer)
        /// Answer at once; what is still to come of the request is ignored. The connection cannot be kept.
        case refuse(IncomingRequest, BerthError)
    }

    private enum State {
        case idle
        /// What came along with a head about which nothing is decided.
        case undecided(held: [HTTPServerRequestPart])
        case collecting(IncomingRequest)
        case discarding(HTTPRequestHead, HeadAnswer)
        /// Whatever still comes is not looked at.
        case ignoring
    }

    private let maximumBytes: Int
    private var state = State.idle

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Whether no request has begun.
    var isIdle: Bool {
        if case .idle = state { true } else { false }
    }

    /// - Parameter grow: makes room for a body of so many bytes.
    mutating func receive(
        _ part: HTTPServerRequestPart, grow: (inout AdmissionTicket, Int) throws(BerthError) -> Void
    ) -> Action {
        switch (part, state) {
        case (.head(let head), .idle):
            state = .undecided(held: [])
            return .decide(head)
        case (_, .undecided(var held)):
            state = .idle
            held.append(part)
            state = .undecided(held: held)
            return .none
        case (.body(let buffer), .collecting(var request)):
            state = .ignoring
            let count = request.body.count + buffer.readableBytes
            do throws(BerthError) {
                guard count <= maximumBytes else { throw FrontDoor.bodyTooLarge(maximumBytes) }
                try grow(&request.ticket, count)
            } catch { return .refuse(request, error) }
            request.body.append(contentsOf: buffer.readableBytesView)
            state = .collecting(request)
            return .none
        case (.end, .collecting(let request)):
            state = .idle
            invariant(request.body.count <= request.ticket.bytes, "a body is larger than the room it has")
            return .respond(request)
        case (.end, .discarding(let head, let answer)):
            state = .idle
            return .answer(head, answer)
        case (.body, .discarding), (_, .ignoring): return .none
        // The decoder sends parts in order; anything else is not a request any more.
        case (.head, .collecting(let request)):
            state = .ignoring
            return .refuse(request, BerthError(.malformedRequest, "Another request began in the middle of this one."))
        case (.head, _), (.body, .idle), (.end, .idle):
            state = .ignoring
            return .none
        }
    }

    /// The body of the request that was decided about is collected.
    ///
    /// - Returns: whether its client waits for leave to send it.
    mutating func collect(_ request: IncomingRequest) -> Bool {
        var request = request
        // Room was made for all of it.
        request.body.reserveCapacity(min(request.ticket.bytes, maximumBytes))
        replace(with: .collecting(request))
        let expectation = request.head.headers.first(name: "expect")
        return expectation?.lowercased() == "100-continue" && request.head.version != .http1_0
    }

    /// The request that was decided about is answered when it is all there.
    mutating func discard(_ head: HTTPRequestHead, then answer: HeadAnswer) { replace(with: .discarding(head, answer)) }

    /// The request that was decided about was answered, and no other follows.
    mutating func ignore() { replace(with: .ignoring) }

    /// What came along with the head; to be received after the decision.
    private(set) var held: [HTTPServerRequestPart] = []

    mutating func takeHeld() -> [HTTPServerRequestPart] {
        defer { held = [] }
        return held
    }

    private mutating func replace(with next: State) {
        guard case .undecided(let held) = state else { brokenInvariant("a request is decided about that did not ask for it") }
        self.held = held
        state = next
    }

    /// Nothing more will come.
    ///
    /// - Returns: the place of a request whose body was not all there.
    mutating func abandon() -> AdmissionTicket? {
        defer { state = .ignoring }
        if case .collecting(let request) = state { return request.ticket }
        return nil
    }
}
