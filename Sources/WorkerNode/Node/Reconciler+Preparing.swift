import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Replication

/// A copy of a database another node leads, made ready to be taken over.
extension Reconciler {
    /// - Returns: whether it is, and the catalogue knows. What keeps it from being so is in the log.
    func prepare(_ assignment: Assignment) async -> Bool {
        let database = assignment.database
        let copy = LocalCopy(database: database, in: environment.directory)
        var refusal: UnopenableState?
        do {
            let id = try await environment.fileTurns.withTurn(on: database) { () throws(BerthError) -> CopyID? in
                await environment.closing.wait(for: database)
                // Taken over since the assignments were read: the files are its tenant's.
                guard table[database] == nil else { return nil }
                // Led by a former process of this node, and by nobody since: as soon as its session is over, this one goes on with the files.
                if try copy.watermark()?.epoch == assignment.epoch { return nil }
                let engine = try environment.engines.engine(assignment.engine)
                let id = try await environment.restorer.bring(copy, to: assignment.head, by: engine)
                if assignment.head != .origin { refusal = try await rehearse(copy, engine) }
                return id
            }
            guard let id else { return false }
            if let refusal {
                try await refuse(database, refusal)
                return false
            }
            try await catalogue.declarePrepared([(database, id)], on: node, session: environment.session.id)
            return true
        } catch {
            logger.warning("could not prepare", metadata: ["database": "\(database)", "error": "\(error)"])
            if let refusal = Tenant.unopenable(error, at: assignment.head.seq) { try? await refuse(database, refusal) }
            return false
        }
    }

    /// Opens a copy before it is needed: what does not open here is better left where it is served.
    ///
    /// - Returns: why it does not open. Its mark is gone then, so that the next try begins with the bucket.
    private func rehearse(_ copy: LocalCopy, _ engine: any Engine) async throws(BerthError) -> UnopenableState? {
        let failure: HostFailure
        do throws(HostFailure) {
            try await environment.host.rehearse(copy.filePath, engine.kind)
            return nil
        } catch { failure = error }
        try copy.markDirty()
        guard let refusal = Tenant.unopenable(failure, at: 0) else { throw BerthError(.diskUnavailable, "A copy could not be opened: \(failure)") }
        return refusal
    }

    private func refuse(_ database: DatabaseID, _ state: UnopenableState) async throws(BerthError) {
        logger.critical(
            "will not take over: what is published does not open here", metadata: ["database": "\(database)", "code": "\(state.code)", "reason": "\(state.reason)"])
        let reason = state.reason.replacing(bytesOf: environment.directory + "/", with: "")
        try await catalogue.refuse(database, OpeningRefusal(code: state.code, reason: reason), on: node)
    }
}
