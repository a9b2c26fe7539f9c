import NIOHTTP1

/// A request that was admitted: who asks for what is known, the body arrives or is there.
struct IncomingRequest: Sendable {
    var head: HTTPRequestHead
    var target: DataTarget
    var caller: Gatekeeper.Caller
    var requestID: String
    /// Given back when it was carried out, or will not be.
    var ticket: AdmissionTicket
    var body: [UInt8] = []
}

/// A request whose token must be looked up before anything else of it is read.
struct UnknownRequest: Sendable {
    var head: HTTPRequestHead
    var target: DataTarget
    var requestID: String
}

/// An answer that needs nothing of a request but its head.
enum HeadAnswer: Sendable {
    case ready(OutgoingReply, requestID: String)
    case endpoint(BuiltInEndpoint, BuiltInRequest)
}
