import CoreMetrics
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
            switch state {
            case .serving: return
            case .quiesced, .releasing, .gone: throw notLeader
            case .opening(let task): try await wait(for: task)
            case .unopenable(let unopenable) where environment.clock.now() < unopenable.retryAt: throw unopenableError
            case .accepting: throw accepting
            case .closed, .unopenable:
                guard environment.gate.isOpen else { throw gateClosed }
                let task = Task { try await self.performOpening() }
                state = .opening(task)
                try await wait(for: task)
            }
        }
    }

    private func wait(for task: Task<Void, any Error>) async throws(BerthError) {
        openingWaiters += 1
        defer { openingWaiters -= 1 }
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
            try await makeRoomForFiles(of: try engine.get())
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
            countFiles(of: nil)
            if isOpening && blamesPublished(error) {
                becomeUnopenable(error)
                throw unopenableError
            }
            if isOpening { state = .closed }
            // What waits for the bucket is nothing that another node could serve instead.
            if lastCommit == publishedCommit, failingSince.load(ordering: .relaxed) == 0 { failingSince.store(started.wholeNanoseconds, ordering: .relaxed) }
            logger.error("could not open", metadata: ["error": "\(error)"])
            throw berthError(error)
        }
    }

    private var isOpening: Bool {
        if case .opening = state { true } else { false }
    }

    /// Goes on with the files as a former process left them, or brings them to the head, and opens them.
    private func openHead() async throws {
        let engine = try self.engine.get()
        if let continued = try await continueFromDisk(by: engine) { return beginServing(continued) }
        // Restored files would be those of the head of now, and what an earlier opening is still publishing would move it under them.
        guard cutCommit == nil else { throw unpublishedYet }
        let goal = head
        let copyID = try await environment.fileTurns.withTurn(on: self.database) { () throws(BerthError) in
            try await environment.restorer.bring(copy, to: goal, by: engine)
        }
        // The lease may have been lost while the bucket was read.
        guard isOpening else { throw notLeader }
        invariant(head == goal && tip == goal, "the head moved while the files were brought to it")
        try copy.markDirty()
        let database = try engine.open(copy.filePath, base: head == .origin ? .empty : .restored, settings: record.settings)
        self.copyID = copyID
        mayContinue = true
        publishedMark = database.captureMark
        keepWatermark(CopyWatermark.Point(position: head, mark: publishedMark))
        beginServing(database)
    }

    /// Rule 5: the local state equals the head.
    func beginServing(_ database: any EngineDatabase) {
        invariant(catchingUp == nil, "served before what was left is published")
        invariant(copyID != nil, "files without an identity are served")
        state = .serving(database)
        countFiles(of: database)
        isOpen.store(true, ordering: .relaxed)
        isUnopenable.store(false, ordering: .relaxed)
        failingSince.store(0, ordering: .relaxed)
        guard reportedEpoch != epoch else { return }
        reportedEpoch = epoch
        environment.reporter.report(self.database, .served, in: epoch)
    }

    /// Rule 4: how long this holder has been unable to serve.
    nonisolated func unableToServe(at now: Duration) -> Duration {
        let since = failingSince.load(ordering: .relaxed)
        return since == 0 ? .zero : .nanoseconds(now.wholeNanoseconds - since)
    }

    /// Closes the files of a database nobody used for a while. The lease stays.
    ///
    /// - Returns: whether it did.
    @discardableResult
    func closeIfIdle(before limit: Duration) -> Bool {
        guard case .serving(let database) = state, requestsUnderWay == 0, openingWaiters == 0, streams.isEmpty, !isDraining, cutCommit == nil,
            lastCommit == publishedCommit, lastUse.load(ordering: .relaxed) < limit.wholeNanoseconds
        else { return false }
        guard isFoldedForClosing(database) else { return false }
        closeFiles(database, isClean: true)
        state = .closed
        logger.debug("closed, idle")
        return true
    }

    /// Closes everything; when `isClean`, the files are the published state and say so.
    func closeFiles(_ database: any EngineDatabase, isClean: Bool) {
        defer { countFiles(of: nil) }
        for stream in streams.values { close(stream) }
        restingStreams.removeAll()
        isOpen.store(false, ordering: .relaxed)
        guard isClean, let copyID else {
            database.close()
            return
        }
        invariant(isAllPublished, "files are called clean that hold more than is published")
        do {
            try database.closeClean()
            try copy.markClean(at: head, copy: copyID)
        } catch {
            // Without the mark the next opening restores the copy, or goes on with it as after a crash.
            logger.warning("local copy not kept", metadata: ["error": "\(error)"])
            database.close()
        }
    }

    /// The lease is another's: nothing of this copy may be served or shipped again.
    func abandon(reason: String) {
        if case .gone = state { return }
        if case .serving(let database) = state { closeFiles(database, isClean: false) }
        if case .quiesced(let database?) = state { closeFiles(database, isClean: false) }
        if case .accepting(let database) = state { closeFiles(database, isClean: false) }
        catchingUp?.close()
        catchingUp = nil
        countFiles(of: nil)
        setGone()
        turn.refuseAll()
        publishWaiters.failAll()
        shipClock.withLock { $0.gaveUpAll() }
        resumeQuietWaiters()
        environment.metrics.lost.increment()
        logger.warning("lease lost", metadata: ["reason": "\(reason)"])
    }

    func setGone() {
        state = .gone
        isUnopenable.store(false, ordering: .relaxed)
        isGone.store(true, ordering: .releasing)
    }

    var notLeader: BerthError {
        BerthError(.notLeader, "This node does not lead “\(record.name)” any more; its new leader does.")
    }

    var gateClosed: BerthError {
        RareBranch.gateClosed.marked()
        return BerthError(
            .leaderUnavailable,
            "This node cannot confirm its lease on “\(record.name)”: the lease store does not answer. Nothing was executed.")
    }

    var accepting: BerthError {
        BerthError(
            .leaderUnavailable, "An older state of “\(record.name)” was accepted and is being published. Nothing was executed.")
    }

    /// Why a request that executed nothing cannot go on here.
    var notServing: BerthError {
        switch state {
        case .quiesced, .releasing, .gone: notLeader
        case .unopenable: unopenableError
        case .accepting: accepting
        case .closed, .opening, .serving:
            environment.gate.isOpen
                ? BerthError(
                    .leaderUnavailable, "“\(record.name)” was returned to its published state while this request waited. "
                        + "Nothing was executed.")
                : gateClosed
        }
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
