import NIOHTTP1

/// One complete HTTP request.
struct IncomingRequest: Sendable {
    var head: HTTPRequestHead
    var body: [UInt8]
}
