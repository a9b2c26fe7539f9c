import CoreMetrics
import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Replication
import Synchronization

extension Tenant {
    /// Makes sure that the database is served, opening it if need be. Any number of callers wait for one opening.
    ///
    /// - Throws: `not_leader` when the lease is gone or going; what the opening failed with.
    func open() async throws(BerthError) {
        while true {
            // A clock may have others run meanwhile, who want the machine as well.
            let now = environment.clock.now()
            switch machine.withLock({ $0.wantOpen(at: now) }) {
            case .isOpen: return
            case .notLeader: throw notLeader
            case .waitForOpening(let task): try await wait(for: task)
            case .waitForClosing(let task): await task.value
            case .doesNotOpen: throw unopenableError
            case .isAccepting: throw accepting
            case .open:
                guard environment.gate.isOpen else { throw gateClosed }
                let task = Task { try await self.performOpening() }
                tell { $0.beginOpening(task) }
                try await wait(for: task)
            }
        }
    }

    private func wait(for task: Task<Void, any Error>) async throws(BerthError) {
        tell { $0.beginWaiting() }
        defer { tell { $0.endWaiting() } }
        do { try await task.value } catch let error as BerthError {
            // Where a node has its files is nobody else's business.
            throw BerthError(error.code, withoutPaths(error.message), retryAfter: error.retryAfter)
        } catch {
            throw BerthError(.internalError, "The database could not be opened: \(withoutPaths("\(error)"))")
        }
    }

    private func performOpening() async throws {
        let started = environment.clock.now()
        do {
            // Who had them before, or what came before, lets go of them first.
            await environment.closing.wait(for: database)
            guard isOpening else { throw notLeader }
            do { try await openHead() } catch where isOpening && blamesPublished(error) {
                // What lies on this disk may be to blame: once more, from the bucket alone.
                logger.warning("could not open; restored whole and tried again", metadata: ["error": "\(error)"])
                try await environment.fileTurns.withTurn(on: database) { () throws(BerthError) in try copy.wipe() }
                guard isOpening else { throw notLeader }
                try await openHead()
            }
            environment.metrics.openings.increment()
            environment.metrics.openSeconds.recordNanoseconds((environment.clock.now() - started).wholeNanoseconds)
            logger.debug("opened", metadata: ["head": "\(head)"])
        } catch {
            if isOpening && blamesPublished(error) {
                becomeUnopenable(error)
                throw unopenableError
            }
            // What ends hosts would end those of the next node.
            tell { $0.openingFailed(since: started, counts: (error as? BerthError)?.code != .quarantined) }
            logger.error("could not open", metadata: ["error": "\(error)"])
            throw berthError(error)
        }
    }

    /// Goes on with the files as a host or a former process left them, or brings them to the head, and opens them.
    private func openHead() async throws {
        if machine.withLock({ $0.disk == .kept }), try await openKept() { return }
        // Restored files would be those of the head of now, and what an earlier opening is still publishing would move it under them.
        guard chain.changeset == .none else { throw unpublishedYet }
        if let continued = try await continueFromDisk() { return beginServing(continued) }
        guard chain.changeset == .none else { throw unpublishedYet }
        let engine = try self.engine.get()
        tell { $0.beginRestoring() }
        let goal = head
        let copyID = try await environment.fileTurns.withTurn(on: self.database) { () throws(BerthError) in
            try await environment.restorer.bring(copy, to: goal, by: engine)
        }
        // The lease may have been lost while the bucket was read.
        guard isOpening else { throw notLeader }
        invariant(head == goal && chain.isAtHead, "the head moved while the files were brought to it")
        try copy.markDirty()
        let database = try await openFiles(.head, copy: copyID)
        try await requireOpening(database)
        beginServing(database)
    }

    /// - Throws: `not_leader` when the lease was lost meanwhile; what was opened is closed then. `leader_unavailable` when its host ended meanwhile.
    func requireOpening(_ opened: any HostedDatabase) async throws(BerthError) {
        switch machine.withLock({ $0.opened }) {
        case .isCurrent: return
        case .hostEnded: throw hostEnded
        case .notLeader:
            _ = await opened.close(clean: false, because: notLeader)
            throw notLeader
        }
    }

    var hostEnded: BerthError {
        BerthError(.leaderUnavailable, "The process that was opening “\(record.name)” ended; another one takes its place. Nothing was executed.")
    }

    /// Opens the files that a host of this process left when it ended.
    ///
    /// - Returns: whether it did. Otherwise they are of no use, and the published state is.
    private func openKept() async throws -> Bool {
        guard let copyID else { return false }
        do {
            let database = try await openFiles(.kept(try copy.watermark()), copy: copyID)
            try await requireOpening(database)
            RareBranch.hostReplaced.marked()
            beginServing(database)
            return true
        } catch let error as SQLError where error.blamesFiles {
            logger.critical(
                "what its host left does not open; it is set aside, and the database is restored from the bucket",
                metadata: ["error": "\(error)", "files": "\(copy.directory)/aside"])
            try await setFilesAside()
            return false
        }
    }

    /// They may hold what is nowhere else, for whoever can read it.
    func setFilesAside() async throws {
        try await environment.fileTurns.withTurn(on: database) { () throws(BerthError) in try copy.setAside() }
        tell { $0.setAside() }
    }

    /// Rule 5: the local state equals the head, or is the head and commits of this lease.
    func beginServing(_ database: any HostedDatabase) {
        tell { $0.serve(database) }
        noteServed()
    }

    func noteServed() {
        invariant(copyID != nil, "files without an identity are served")
        reportedRefusals = 0
        // What a host left that ended.
        if !isAllPublished { environment.shipper.markDirty(self) }
        guard reportedEpoch != epoch else { return }
        reportedEpoch = epoch
        environment.reporter.report(self.database, .served, in: epoch)
    }

    nonisolated var notLeader: BerthError {
        BerthError(.notLeader, "This node does not lead “\(record.name)” any more; its new leader does.")
    }

    nonisolated var gateClosed: BerthError {
        RareBranch.gateClosed.marked()
        return BerthError(
            .leaderUnavailable,
            "This node cannot confirm its lease on “\(record.name)”: the lease store does not answer. Nothing was executed.")
    }

    var accepting: BerthError {
        BerthError(
            .leaderUnavailable, "An older state of “\(record.name)” was accepted and is being published. Nothing was executed.")
    }

    func withoutPaths(_ text: String) -> String {
        text.replacing(bytesOf: copy.directory + "/", with: "").replacing(bytesOf: environment.directory + "/", with: "")
    }

    func berthError(_ error: any Error) -> BerthError {
        switch error {
        case let error as BerthError: error
        case let error as SQLError: BerthError(.diskUnavailable, "The database file could not be opened: \(error)")
        default: BerthError(.diskUnavailable, "The database could not be opened: \(error)")
        }
    }
}
