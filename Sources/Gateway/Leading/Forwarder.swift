import AsyncHTTPClient
import FleetModel
import NIOCore
import NIOHTTP1
import Routing

/// Sends requests on to the node that leads, over connections that are kept.
///
/// Nothing is ever sent twice from here: the client neither follows redirects nor tries again, and what is not known to
/// have stayed in this process is reported as `lost`.
struct Forwarder: PeerForwarding {
    private let client: HTTPClient
    private let limits: GatewayLimits

    init(eventLoops: any EventLoopGroup, limits: GatewayLimits) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .nanoseconds(limits.connect.nanoseconds)),
            connectionPool: .init(
                idleTimeout: .nanoseconds(limits.peerIdle.nanoseconds),
                concurrentHTTP1ConnectionsPerHostSoftLimit: limits.connectionsPerPeer),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        // A refused connection is news about the leader and must arrive at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .shared(eventLoops), configuration: configuration)
        self.limits = limits
    }

    func shutdown() async throws { try await client.shutdown() }

    func send(_ call: DataCall, head: HTTPRequestHead, path: String, to peer: PeerAddress) async -> ForwardOutcome {
        let request: HTTPClient.Request
        do {
            request = try HTTPClient.Request(
                url: peer.description + path, method: head.method, headers: Self.headers(call, head),
                body: call.body.isEmpty ? nil : .byteBuffer(ByteBuffer(bytes: call.body)))
        } catch {
            return .unreached("\(peer) cannot be used as an address: \(error)")
        }
        let promise = client.eventLoopGroup.next().makePromise(of: ForwardExchange.Reply.self)
        let exchange = ForwardExchange(maximumBytes: limits.replyBytes, patience: limits.reply, reply: promise)
        let task = exchange.begin(request, with: client, within: limits.reply)
        let reply: ForwardExchange.Reply
        do {
            reply = try await withTaskCancellationHandler { try await promise.futureResult.get() } onCancel: { task.cancel() }
        } catch {
            // A cancelled or timed-out request may be on its way although its events have not arrived here.
            let stayed = !exchange.wasSent && error as? HTTPClientError != .cancelled
            return stayed ? .unreached("\(peer): \(error)") : .lost("\(peer): \(error)")
        }
        return Self.outcome(reply)
    }

    private static func headers(_ call: DataCall, _ head: HTTPRequestHead) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.reserveCapacity(6)
        for name in ["authorization", "content-type"] {
            if let value = head.headers.first(name: name) { headers.add(name: name, value: value) }
        }
        headers.add(name: FrontDoor.requestIDHeader, value: call.requestID)
        headers.add(name: FrontDoor.hopHeader, value: "1")
        return headers
    }

    private static func outcome(_ reply: ForwardExchange.Reply) -> ForwardOutcome {
        var outgoing = OutgoingReply(
            DataReply(
                status: Int(reply.head.status.code), contentType: reply.head.headers.first(name: "content-type") ?? "application/json",
                body: Array(reply.body.readableBytesView), rest: reply.rest))
        for name in ["retry-after", "www-authenticate"] {
            if let value = reply.head.headers.first(name: name) { outgoing.headers.append((name, value)) }
        }
        return ForwardOutcome(answer: outgoing)
    }
}
