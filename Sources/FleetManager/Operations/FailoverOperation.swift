import FleetModel
import FleetStore
import Leases
import Logging
import Placement

/// Gives a database another leader, whatever state its present one is in.
///
/// The holder is asked first. One that does not answer has its whole session revoked, and the successor waits until that
/// session has been silent for its TTL. No lease is ever taken from a live session.
struct FailoverOperation {
    let context: OperationContext

    func run() async throws {
        let before = try await context.status()
        let holder = before.leaderSession
        let target = try await target(for: before)
        if before.placedOn != target {
            try await context.catalogue.place([(before.record.id, before.placedOn, target)], under: context.term)
        }
        try await context.catalogue.wantServed([before.record.id], under: context.term)
        try await context.progress(done: 0, total: 1)

        do {
            try await waitForLeader(target, timeout: context.manager.settings.handoverTimeout)
        } catch let error as BerthError where error.code == .databaseUnopenable {
            try await context.placeBack()
            throw error
        } catch let error as BerthError where error.code == .timedOut {
            // A revocation is not guarded by the term, so make sure that it still holds.
            try await context.progress(done: 0, total: 1)
            if let holder, try await context.status().leaderSession == holder {
                context.manager.logger.warning(
                    "holder does not hand over; its session is revoked",
                    metadata: ["database": "\(before.record.name)", "session": "\(holder)"])
                do { try await context.manager.leases.revokeSession(holder) } catch { throw error }
            }
            try await waitForLeader(target, timeout: context.manager.settings.moveTimeout)
        }
        // Leading is half of it.
        _ = try await context.wait(timeout: context.manager.settings.moveTimeout, for: "“\(target)” to serve it") { () -> Bool? in
            try await context.isServed(by: target) ? true : nil
        }
        await context.finish(.succeeded, done: 1, total: 1)
    }

    private func waitForLeader(_ target: NodeName, timeout: Duration) async throws {
        _ = try await context.wait(timeout: timeout, for: "“\(target)” to lead") { () -> Bool? in
            if try await context.isServed(by: target) { return true }
            return try await context.status().leader == target ? true : nil
        }
    }

    /// Where a resumed failover was going, else the emptiest other node.
    private func target(for status: DatabaseStatus) async throws -> NodeName {
        // It runs from the moment the intent is written: another leader there means that it has happened already.
        if context.record.state == .running { return status.placedOn }
        let others = try await context.manager.candidates(for: status.record.engine).filter { $0.node != status.leader }
        if let leader = status.leader, status.placedOn != leader, others.contains(where: { $0.node == status.placedOn }) {
            return status.placedOn
        }
        guard let target = LeaderChoice.spread(1, over: others).first else {
            throw BerthError(
                .noNodeAvailable,
                "No other node is alive, takes databases and has the engine “\(status.record.engine.rawValue)”. `berth node list` shows them.")
        }
        return target
    }
}
