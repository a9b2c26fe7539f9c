import FleetModel
import Hrana
import NIOHTTP1
import Routing
import Telemetry

/// Answers requests: built-in endpoints itself, the data protocols through the leader of the database they name.
package struct FrontDoor: Sendable {
    /// Set on a request that was forwarded once; such a request is never forwarded again.
    package static let hopHeader = "x-berth-hop"
    static let requestIDHeader = "x-request-id"

    let naming: DatabaseNaming
    let endpoints: [String: BuiltInEndpoint]
    let gatekeeper: Gatekeeper
    let dispatch: LeaderDispatch
    let clock: any FleetClock
    let journal: RequestJournal

    func answer(_ request: IncomingRequest) async -> (reply: OutgoingReply, requestID: String) {
        let requestID = Self.requestID(of: request.head)
        if let reply = await builtIn(request.head, requestID) { return (reply, requestID) }

        let arrived = clock.now()
        var target: DataTarget?
        var reply: OutgoingReply
        do throws(RequestFailure) {
            let named = try DataTarget(request.head, naming: naming)
            target = named
            if case .versionCheck = named.route {
                // Asked before there is a token, and by clients that then choose an older version when they are refused. Tells
                // nothing of the database.
                journal.answered(.ok, named, requestID: requestID, after: clock.now() - arrived)
                return (OutgoingReply(DataReply(body: [])), requestID)
            }
            let caller = try await gatekeeper.admit(request.head.headers.first(name: "authorization"), to: named.database)
            let call = DataCall(
                database: named.database, route: named.route, query: named.query, body: request.body, access: caller.access,
                tokenDigest: caller.digest, requestID: requestID)
            reply = try await dispatch.carryOut(
                call, head: request.head, path: named.forwardedPath, until: arrived + dispatch.limits.wait)
        } catch {
            reply = OutgoingReply(error)
            journal.failed(error.error, database: target?.database, requestID: requestID)
        }
        journal.answered(reply.outcome, target, requestID: requestID, after: clock.now() - arrived)
        reply.rest = reply.rest.map { JournaledStream($0, journal, database: target?.database, requestID: requestID) }
        return (reply, requestID)
    }

    /// The answer to what could not be read as a request.
    func refuse(_ error: BerthError, head: HTTPRequestHead?) -> (reply: OutgoingReply, requestID: String) {
        let reply = OutgoingReply(RequestFailure(error))
        let requestID = head.map(Self.requestID) ?? RequestID.random().description
        journal.answered(reply.outcome, nil, requestID: requestID, after: .zero)
        return (reply, requestID)
    }

    private static func requestID(of head: HTTPRequestHead) -> String {
        (head.headers.first(name: requestIDHeader).flatMap { RequestID($0) } ?? RequestID.random()).description
    }

    private func builtIn(_ head: HTTPRequestHead, _ requestID: String) async -> OutgoingReply? {
        guard !endpoints.isEmpty else { return nil }
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = parts.first.map(String.init), let endpoint = endpoints[path] else { return nil }
        guard head.method == .GET || head.method == .HEAD else {
            return OutgoingReply(
                RequestFailure(
                    BerthError(.methodNotAllowed, "\(path) takes GET, not \(head.method.rawValue.prefix(20))."),
                    allow: "GET, HEAD"))
        }
        return OutgoingReply(
            await endpoint(BuiltInRequest(path: path, query: parts.count > 1 ? String(parts[1]) : nil, requestID: requestID)))
    }
}
