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

    /// What becomes of a request, by its head alone: nothing of its body was read.
    enum Decision: Sendable {
        /// Its body may come.
        case admitted(IncomingRequest)
        /// Ask `lookUp`, and read nothing meanwhile.
        case unknown(UnknownRequest)
        case answered(HeadAnswer)
    }

    let naming: DatabaseNaming
    let endpoints: [String: BuiltInEndpoint]
    let gatekeeper: Gatekeeper
    let admissions: Admissions
    let dispatch: LeaderDispatch
    let clock: any FleetClock
    let journal: RequestJournal

    // MARK: At the head

    func decide(_ head: HTTPRequestHead) -> Decision {
        let requestID = Self.requestID(of: head)
        if let answer = builtIn(head, requestID) { return .answered(answer) }
        var target: DataTarget?
        do throws(RequestFailure) {
            let named = try DataTarget(head, naming: naming)
            target = named
            if case .versionCheck = named.route {
                // Asked before there is a token, and by clients that then choose an older version when they are refused. Tells
                // nothing of the database.
                journal.answered(.ok, named, requestID: requestID, after: .zero)
                return .answered(.ready(OutgoingReply(DataReply(body: [])), requestID: requestID))
            }
            let unknown = UnknownRequest(head: head, target: named, requestID: requestID)
            let caller: Gatekeeper.Caller?
            do throws(BerthError) {
                caller = try gatekeeper.admitKnown(head.headers.first(name: "authorization"), to: named.database)
            } catch { throw RequestFailure(error) }
            guard let caller else { return .unknown(unknown) }
            return .admitted(try admit(unknown, for: caller))
        } catch {
            return .answered(refuse(error, target, requestID))
        }
    }

    /// The decision about a request whose token is not remembered. Never `unknown`.
    func lookUp(_ request: UnknownRequest) async -> Decision {
        do throws(RequestFailure) {
            let caller: Gatekeeper.Caller
            do throws(BerthError) {
                caller = try await gatekeeper.admit(request.head.headers.first(name: "authorization"), to: request.target.database)
            } catch { throw RequestFailure(error) }
            return .admitted(try admit(request, for: caller))
        } catch {
            return .answered(refuse(error, request.target, request.requestID))
        }
    }

    private func admit(_ request: UnknownRequest, for caller: Gatekeeper.Caller) throws(RequestFailure) -> IncomingRequest {
        let announced = request.head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard announced <= dispatch.limits.bodyBytes else { throw RequestFailure(Self.bodyTooLarge(dispatch.limits.bodyBytes)) }
        do throws(BerthError) {
            return IncomingRequest(
                head: request.head, target: request.target, caller: caller, requestID: request.requestID,
                ticket: try admissions.enter(request.target.database, bytes: max(0, announced)))
        } catch { throw RequestFailure(error) }
    }

    private func refuse(_ failure: RequestFailure, _ target: DataTarget?, _ requestID: String) -> HeadAnswer {
        let reply = OutgoingReply(failure)
        journal.failed(failure.error, database: target?.database, requestID: requestID)
        journal.answered(reply.outcome, target, requestID: requestID, after: .zero)
        return .ready(reply, requestID: requestID)
    }

    static func bodyTooLarge(_ maximum: Int) -> BerthError {
        BerthError(.bodyTooLarge, "The body is larger than \(maximum) bytes. Send the statements in several requests.")
    }

    // MARK: With its body

    func answer(_ request: IncomingRequest) async -> OutgoingReply {
        let arrived = clock.now()
        let (target, requestID) = (request.target, request.requestID)
        var reply: OutgoingReply
        do throws(RequestFailure) {
            let call = DataCall(
                database: target.database, route: target.route, query: target.query, body: request.body, access: request.caller.access,
                tokenDigest: request.caller.digest, requestID: requestID)
            reply = try await dispatch.carryOut(
                call, head: request.head, path: target.forwardedPath, until: arrived + dispatch.limits.wait)
        } catch {
            reply = OutgoingReply(error)
            journal.failed(error.error, database: target.database, requestID: requestID)
        }
        journal.answered(reply.outcome, target, requestID: requestID, after: clock.now() - arrived)
        reply.rest = reply.rest.map { JournaledStream($0, journal, database: target.database, requestID: requestID) }
        return reply
    }

    /// The answer to a request whose body cannot be had.
    func refuse(_ error: BerthError, _ request: IncomingRequest) -> OutgoingReply {
        let reply = OutgoingReply(RequestFailure(error))
        journal.failed(error, database: request.target.database, requestID: request.requestID)
        journal.answered(reply.outcome, request.target, requestID: request.requestID, after: .zero)
        return reply
    }

    /// The answer to what could not be read as a request.
    func refuse(_ error: BerthError) -> (reply: OutgoingReply, requestID: String) {
        let reply = OutgoingReply(RequestFailure(error))
        let requestID = RequestID.random().description
        journal.answered(reply.outcome, nil, requestID: requestID, after: .zero)
        return (reply, requestID)
    }

    private static func requestID(of head: HTTPRequestHead) -> String {
        (head.headers.first(name: requestIDHeader).flatMap { RequestID($0) } ?? RequestID.random()).description
    }

    private func builtIn(_ head: HTTPRequestHead, _ requestID: String) -> HeadAnswer? {
        guard !endpoints.isEmpty else { return nil }
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = parts.first.map(String.init), let endpoint = endpoints[path] else { return nil }
        guard head.method == .GET || head.method == .HEAD else {
            return .ready(
                OutgoingReply(
                    RequestFailure(
                        BerthError(.methodNotAllowed, "\(path) takes GET, not \(head.method.rawValue.prefix(20))."),
                        allow: "GET, HEAD")),
                requestID: requestID)
        }
        return .endpoint(endpoint, BuiltInRequest(path: path, query: parts.count > 1 ? String(parts[1]) : nil, requestID: requestID))
    }
}
