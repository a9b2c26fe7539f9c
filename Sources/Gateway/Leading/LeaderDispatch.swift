package import FleetModel
import FleetStore
import Hrana
import Metrics
package import NIOHTTP1
package import Routing

/// Brings a call to the node that leads its database, and waits for one while there is none.
///
/// A call is tried again only after an answer that promises that nothing was executed: `not_leader`,
/// `leader_unavailable`, or a request that provably never left this process. Everything else is final.
package struct LeaderDispatch: Sendable {
    /// Why an attempt did not count.
    private enum Unserved {
        case nobodyLeads
        /// The one who should lead does not answer for it, or not yet; with the route that led there.
        case notReady(RouteRecord?, triedAt: Duration)
        /// A newer leader became known.
        case moved
    }

    private enum Attempt {
        case reply(OutgoingReply)
        case unserved(Unserved)
    }

    let node: NodeName?
    let local: (any LocalDatabases)?
    let routes: RouteTable
    let forwarder: any PeerForwarding
    let waitingRoom: WaitingRoom
    let limits: GatewayLimits
    let clock: any FleetClock
    let forwards: ForwardCounters

    package init(
        node: NodeName?, local: (any LocalDatabases)?, routes: RouteTable, forwarder: any PeerForwarding,
        waitingRoom: WaitingRoom, limits: GatewayLimits, clock: any FleetClock, forwards: ForwardCounters
    ) {
        self.node = node
        self.local = local
        self.routes = routes
        self.forwarder = forwarder
        self.waitingRoom = waitingRoom
        self.limits = limits
        self.clock = clock
        self.forwards = forwards
    }

    /// Carries `call` out, here or on another node, waiting for a leader until `deadline`.
    package func carryOut(
        _ call: DataCall, head: HTTPRequestHead, path: String, until deadline: Duration
    ) async throws(RequestFailure) -> OutgoingReply {
        if head.headers.contains(name: FrontDoor.hopHeader) { return try await carryOutHere(call) }
        do throws(BerthError) {
            var pace = RetryPace()
            var maximumAge: Duration?
            while true {
                switch try await attempt(call, head: head, path: path, maximumAge: maximumAge) {
                case .reply(let reply): return reply
                case .unserved(let why):
                    try await waitingRoom.wait(holding: call.body.count) { () throws(BerthError) in
                        try await wait(for: call.database, why, &pace, until: deadline)
                    }
                    maximumAge = routes.limits.lookInterval
                }
            }
        } catch {
            throw RequestFailure(error)
        }
    }

    /// A call that was forwarded: here or nowhere.
    private func carryOutHere(_ call: DataCall) async throws(RequestFailure) -> OutgoingReply {
        do throws(BerthError) {
            if let local, local.leads(call.database) { return OutgoingReply(try await local.serve(call)) }
        } catch {
            guard error.code == .notLeader else { throw RequestFailure(error) }
        }
        let known = routes.lastKnown(call.database)
        throw RequestFailure(
            BerthError(.notLeader, "This node does not lead “\(call.database)”. Ask the leader, or any node without the header \(FrontDoor.hopHeader)."),
            hint: known.map { NotLeaderHint(leader: $0.node, address: $0.address, epoch: $0.epoch) })
    }

    // MARK: One attempt

    private func attempt(
        _ call: DataCall, head: HTTPRequestHead, path: String, maximumAge: Duration?
    ) async throws(BerthError) -> Attempt {
        let triedAt = clock.now()
        if let local, local.leads(call.database) {
            do {
                return .reply(OutgoingReply(try await local.serve(call)))
            } catch {
                guard error.code == .notLeader || error.code == .leaderUnavailable else { throw error }
                return .unserved(.notReady(routes.lastKnown(call.database), triedAt: triedAt))
            }
        }
        let route = try await routes.route(to: call.database, maximumAge: maximumAge)
        guard let address = route.address else { return .unserved(.nobodyLeads) }
        guard node == nil || route.node != node, let peer = try? PeerAddress(address) else {
            return .unserved(.notReady(route, triedAt: triedAt))
        }
        let outcome = await forward(call, head: head, path: path, to: peer, by: route)
        forwards.count(outcome)
        switch outcome {
        case .reply(let reply): return .reply(reply)
        case .unreached: return .unserved(.notReady(route, triedAt: triedAt))
        case .declined(let code, let hint):
            if code == .notLeader, let hint, hint.epoch > route.epoch {
                if routes.learn(hint, about: call.database) { return .unserved(.moved) }
            }
            return .unserved(.notReady(route, triedAt: triedAt))
        case .lost(let why):
            if case .versionCheck = call.route { return .unserved(.notReady(route, triedAt: triedAt)) }
            throw BerthError(
                .outcomeUnknown,
                "The connection to the leader was lost before it answered (\(why)). The request may have been executed; check before sending it again.")
        }
    }

    /// Forwards, and gives up early when the leader turns out to have lost the database: its reply will not come.
    private func forward(
        _ call: DataCall, head: HTTPRequestHead, path: String, to peer: PeerAddress, by route: RouteRecord
    ) async -> ForwardOutcome {
        await withTaskGroup(of: ForwardOutcome?.self) { group in
            group.addTask { await forwarder.send(call, head: head, path: path, to: peer) }
            group.addTask {
                guard await isSuperseded(route) else { return nil }
                return .lost("\(peer) leads it no more and sent no reply")
            }
            var first: ForwardOutcome?
            for await outcome in group {
                guard let outcome else { continue }
                if first == nil {
                    first = outcome
                    group.cancelAll()
                } else if case .reply(let late) = outcome {
                    late.rest?.cancel()
                }
            }
            return first ?? .lost("\(peer): no reply")
        }
    }

    /// Returns `true` once the leader of `route` has lost the database, and `false` only when cancelled.
    private func isSuperseded(_ route: RouteRecord) async -> Bool {
        do { try await clock.sleep(for: limits.doubt) } catch { return false }
        while !Task.isCancelled {
            guard let record = try? await routes.route(to: route.name, maximumAge: limits.doubtInterval) else {
                try? await clock.sleep(for: limits.doubt)
                continue
            }
            if record.database != route.database || record.epoch > route.epoch || !record.hasLeader {
                return (try? await clock.sleep(for: limits.lateReply)) != nil
            }
            await routes.waitForNews(
                of: route.name, since: routes.lastKnown(route.name), until: clock.now() + limits.doubtInterval)
        }
        return false
    }

    // MARK: Waiting

    private func wait(
        for database: DatabaseName, _ why: Unserved, _ pace: inout RetryPace, until deadline: Duration
    ) async throws(BerthError) {
        switch why {
        case .moved: break
        case .nobodyLeads: _ = try await routes.waitForLeader(of: database, until: deadline)
        case .notReady(let route, let triedAt):
            let pause = pace.next()
            if pause == .zero {
                if let route { routes.doubt(route, used: triedAt) }
            } else {
                let until = min(deadline, clock.now() + pause)
                let hasWaited = await routes.waitForNews(of: database, since: route, until: until)
                // While this node leads by its own account it looks no route up, so a route in doubt stays in doubt: asking
                // on without a pause would be a loop that only the deadline ends.
                if pace.isWaitingInVain(hasWaited) { try? await clock.sleep(until: until) }
            }
        }
        guard clock.now() < deadline, !Task.isCancelled else {
            throw BerthError(
                .leaderUnavailable,
                "“\(database)” was not served in time; nothing was executed. It may be moving or failing over; try again.")
        }
    }
}
