import FleetModel
import NIOCore
import NIOHTTP1

/// Puts the parts of one request after the other together, within the limits. A value without I/O.
struct RequestAssembly {
    enum Action {
        case none
        /// The client waits for leave to send the body.
        case sendContinue
        case respond(IncomingRequest)
        /// Answer at once; what is still to come of the request is discarded. The connection cannot be kept.
        case refuse(BerthError, HTTPRequestHead)
        /// The refused request has arrived to its end: nothing to wait for any longer.
        case close
    }

    private enum State {
        case idle
        case collecting(IncomingRequest)
        /// Reading on: a client that sends all of its body before it reads would otherwise see a reset connection in place of
        /// the answer. For how long, its owner decides.
        case discarding
    }

    /// Memory that is set aside on the client's word alone.
    private static let largestReservation = 256 << 10

    private let maximumBytes: Int
    private var state = State.idle

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Whether no request has begun.
    var isIdle: Bool {
        if case .idle = state { true } else { false }
    }

    mutating func receive(_ part: HTTPServerRequestPart) -> Action {
        switch (part, state) {
        case (.head(let head), .idle): return begin(head)
        case (.body(let buffer), .collecting(var request)):
            guard request.body.count + buffer.readableBytes <= maximumBytes else { return refuse(request.head) }
            state = .idle
            request.body.append(contentsOf: buffer.readableBytesView)
            state = .collecting(request)
            return .none
        case (.end, .collecting(let request)):
            state = .idle
            invariant(request.body.count <= maximumBytes, "a body got past its limit")
            return .respond(request)
        case (.body, .discarding): return .none
        case (.end, .discarding): return .close
        // The decoder sends parts in order; anything else is not a request any more.
        case (.head, _), (.body, .idle), (.end, .idle): return .close
        }
    }

    private mutating func begin(_ head: HTTPRequestHead) -> Action {
        let announced = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard announced <= maximumBytes else { return refuse(head) }
        var request = IncomingRequest(head: head, body: [])
        request.body.reserveCapacity(max(0, min(announced, Self.largestReservation)))
        state = .collecting(request)
        let expectsContinue = head.headers.first(name: "expect").map { $0.lowercased() == "100-continue" } ?? false
        return expectsContinue && head.version != .http1_0 ? .sendContinue : .none
    }

    private mutating func refuse(_ head: HTTPRequestHead) -> Action {
        state = .discarding
        return .refuse(
            BerthError(.bodyTooLarge, "The body is larger than \(maximumBytes) bytes. Send the statements in several requests."),
            head)
    }
}
