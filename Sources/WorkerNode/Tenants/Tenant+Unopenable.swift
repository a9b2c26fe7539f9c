import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Replication
import Synchronization

/// A database of which what is published does not open: its holder keeps the lease, says so, and looks for the newest state that opens.
///
/// No other node could do more with the same bytes, so the lease does not wander. Nothing is served meanwhile: rule 5 lets a tenant
/// serve the head alone, and an older state would take acknowledged writes back without a word. An operator may accept that; then
/// the older state is published, whole, as the successor of the head, and served as soon as it is the head.
extension Tenant {
    /// Whether an opening failed by what is published, as opposed to a bucket, a store or a disk that is away.
    func blamesPublished(_ error: any Error) -> Bool {
        guard head != .origin else { return false }
        return Self.unopenable(error, at: head.seq) != nil
    }

    /// What to say of an opening that failed by what is published; `nil` when something else is to blame.
    nonisolated static func unopenable(_ error: any Error, at seq: UInt64) -> UnopenableState? {
        switch error {
        case let error as SQLError where error.blamesFiles: UnopenableState(seq: seq, code: error.code, reason: error.message)
        case HostFailure.engine(let error) where error.blamesFiles: UnopenableState(seq: seq, code: error.code, reason: error.message)
        case let error as BerthError where error.code == .dataCorrupt:
            UnopenableState(seq: seq, code: error.code.rawValue, reason: error.message)
        default: nil
        }
    }

    /// From now on it refuses, until it is tried again or an older state is accepted.
    func becomeUnopenable(_ error: any Error) {
        guard var found = Self.unopenable(error, at: head.seq) else { return }
        found.reason = withoutPaths(found.reason)
        let retryAt = environment.clock.now() + environment.settings.unopenableRetry
        tell { $0.becomeUnopenable(.init(state: found, retryAt: retryAt)) }
        logger.critical(
            "what is published does not open", metadata: ["head": "\(head)", "code": "\(found.code)", "reason": "\(found.reason)"])
        environment.reporter.report(database, .unopenable(found, isServed: false), in: epoch)
        Task { await self.searchOlder() }
    }

    /// What clients are told.
    var unopenableError: BerthError {
        BerthError(
            .databaseUnopenable,
            "What is published of “\(record.name)” does not open, on any node. Nothing of it was removed; nothing was executed. "
                + "An operator finds the reason, and what can be done, with `berth db show \(record.name)`.")
    }

    private var unopenable: TenantMachine.Unopenable? { machine.withLock { $0.unopenable } }

    // MARK: The newest state that opens

    private func searchOlder() async {
        guard let unopenable, let engine = try? engine.get() else { return }
        let begun = epoch
        let copy = LocalCopy(database: database, in: environment.directory + "/older")
        var search = OlderSearch(before: unopenable.state.seq)
        while let seq = search.next {
            let tried = await opens(seq, copy, engine)
            // Accepted, moved, or tried again meanwhile.
            guard self.unopenable?.state.seq == unopenable.state.seq, epoch == begun else { break }
            if let tried {
                search.tried(seq, didOpen: tried)
            } else {
                // The bucket or the disk is away: that says nothing of the state.
                do { try await environment.clock.sleep(for: environment.settings.searchRetry) } catch { break }
            }
        }
        do throws(BerthError) { try copy.wipe() } catch { logger.warning("search not cleaned up", metadata: ["error": "\(error)"]) }
        guard epoch == begun, let found = tell({ $0.found(older: search.opens, insteadOf: unopenable.state.seq) }) else { return }
        logger.critical("search ended", metadata: ["newest_that_opens": "\(search.opens.map(String.init) ?? "none")"])
        environment.reporter.report(database, .unopenable(found, isServed: false), in: epoch)
    }

    /// - Returns: `nil` when that could not be found out.
    private func opens(_ seq: UInt64, _ copy: LocalCopy, _ engine: any Engine) async -> Bool? {
        do {
            guard let position = try await environment.restorer.position(of: database, at: seq) else { return false }
            _ = try await environment.restorer.bring(copy, to: position, by: engine)
            try await environment.host.rehearse(copy.filePath, engine.kind)
            return true
        } catch {
            if Self.unopenable(error, at: seq) != nil { return false }
            logger.warning("search interrupted", metadata: ["seq": "\(seq)", "error": "\(error)"])
            return nil
        }
    }

    // MARK: Accepting it

    /// Lets the chain go on from the state at `seq`, which was found to open, because an operator said so.
    func accept(_ seq: UInt64) async {
        guard let unopenable, unopenable.state.opensSeq == seq, environment.gate.isOpen else { return }
        let task = Task { try await self.openOlder(seq, instead: unopenable) }
        tell { $0.beginOpening(task) }
        do { try await task.value } catch { logger.error("older state not opened", metadata: ["seq": "\(seq)", "error": "\(error)"]) }
    }

    private func openOlder(_ seq: UInt64, instead unopenable: TenantMachine.Unopenable) async throws {
        do {
            invariant(seq < head.seq, "what is accepted as older is not older than the head")
            let engine = try self.engine.get()
            guard let position = try await environment.restorer.position(of: database, at: seq) else {
                throw BerthError(.dataCorrupt, "There is no changeset \(seq) of “\(record.name)” any more.")
            }
            let copyID = try await environment.fileTurns.withTurn(on: database) { () throws(BerthError) in
                try copy.setAside()
                return try await environment.restorer.bring(copy, to: position, by: engine)
            }
            guard isOpening else { throw notLeader }
            tell { $0.beginRestoring() }
            try copy.markDirty()
            let database = try await openFiles(.older, copy: copyID)
            try await requireOpening(database)
            tell { $0.accept(database) }
            environment.shipper.markDirty(self)
            logger.critical("goes on from an older state, as accepted", metadata: ["from": "\(position)", "after": "\(head)"])
        } catch {
            tell { $0.acceptingFailed(unopenable) }
            throw error
        }
    }
}
