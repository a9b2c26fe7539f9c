import FleetModel
import FleetStore
import Gateway
import NIOHTTP1
import Routing

/// How one process reaches the gateways of the others; the way of a forwarded request and of a client's.
struct PeerLink: PeerForwarding {
    let caller: Life
    let fleet: SimulatedFleet

    func send(_ call: DataCall, head: HTTPRequestHead, path: String, to peer: PeerAddress) async -> ForwardOutcome {
        guard let node = fleet.node(at: peer.description) else { return .unreached("no such address") }
        switch await ask(node, call, path: path, isForwarded: true) {
        case .answered(let answer): return ForwardOutcome(answer: answer)
        case .unreached: return .unreached("connection refused")
        case .lost: return .lost("connection reset")
        }
    }

    /// Sends a call to the gateway of `node`.
    ///
    /// - Parameter path: of the request, with its query.
    func ask(_ node: NodeProcess, _ call: DataCall, path: String, isForwarded: Bool) async -> Reply<OutgoingReply> {
        let timeout = fleet.gatewayLimits.reply, wait = fleet.gatewayLimits.wait
        // Of the life that is up when the request leaves; another one has another listening socket.
        guard let dispatch = node.dispatch, let clock = node.clock else { return .unreached }
        let life = node.life
        return await fleet.network.call(from: caller, to: life, timeout: timeout, hangsUp: true) {
            var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: path)
            if isForwarded { head.headers.add(name: FrontDoor.hopHeader, value: "1") }
            do throws(RequestFailure) {
                return await Self.whole(try await dispatch.carryOut(call, head: head, path: path, until: clock.now() + wait))
            } catch {
                return OutgoingReply(error)
            }
        }
    }

    /// The network passes answers on in one piece. One that breaks off has no end, which its reader must notice.
    private static func whole(_ reply: OutgoingReply) async -> OutgoingReply {
        guard let rest = reply.rest else { return reply }
        var reply = reply
        reply.rest = nil
        while let piece = try? await rest.next() { reply.body += piece }
        return reply
    }
}
