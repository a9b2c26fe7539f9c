import CoreMetrics
import Engines
import FleetModel
import Leases
import Logging
import Replication
import Synchronization

extension Tenant {
    enum HandoverOutcome: Sendable, Equatable {
        /// The successor holds the lease.
        case transferred
        /// The lease is still this node's, which serves on.
        case kept(reason: String)
        case lost
    }

    /// Rule 7: stops serving, publishes the last changeset and hands the lease over.
    func handOver(to successor: SessionID, copy: CopyID?) async -> HandoverOutcome {
        let started = environment.clock.now()
        guard await quiesce() else {
            return isGone.load(ordering: .acquiring)
                ? .lost : .kept(reason: "it could not be published in time, or is being given up already")
        }
        let claim = self.claim
        let transferred: Bool?
        do throws(LeaseStoreError) {
            transferred = try await environment.leases.transfer(
                claim, from: environment.session.id, to: successor, copy: copy)
        } catch {
            RareBranch.transferUnanswered.marked()
            logger.warning("transfer unanswered", metadata: ["error": "\(error)"])
            if case .outcomeUnknown = error { transferred = nil } else { transferred = false }
        }
        switch transferred {
        case true:
            finishHandover(started)
            return .transferred
        case false:
            resume()
            return .kept(reason: "the successor's session has ended or the lease is not as expected")
        default:
            return await settle(after: { lease in lease.session == successor }, started: started)
        }
    }

    /// Rule 8: publishes what is left, so that the lease can be given up. The files are closed.
    ///
    /// - Returns: the claim to release; `nil` when the lease is not this node's to release.
    func prepareRelease() async -> LeaseClaim? {
        // An earlier release was not answered.
        if case .releasing = state { return claim }
        guard await quiesce(), case .quiesced(let database) = state else { return nil }
        if let database { closeFiles(database, isClean: true) }
        state = .releasing
        return claim
    }

    /// Rule 4, the last sentence: as `prepareRelease`, if this holder has been unable to serve since `limit` or longer.
    func prepareGivingUp(after limit: Duration) -> LeaseClaim? {
        if case .closed = state, unableToServe(at: environment.clock.now()) >= limit { state = .releasing }
        guard case .releasing = state else { return nil }
        return claim
    }

    /// The lease was released.
    func released() { setGone() }

    private var claim: LeaseClaim { LeaseClaim(database: database, epoch: epoch, headSeq: head.seq) }

    /// Rule 9: the reply was lost, and the statement may still execute. Either it is seen to have happened, or it is
    /// made impossible by moving the epoch past it.
    private func settle(
        after happened: (Lease) -> Bool, started: Duration
    ) async -> HandoverOutcome {
        // Once it is gone, a lease of this node is another tenant's, and must be left alone.
        while !Task.isCancelled, !isGone.load(ordering: .acquiring) {
            do throws(LeaseStoreError) {
                if let raised = try await environment.leases.raiseEpoch(
                    database, from: epoch, by: environment.session.id)
                {
                    RareBranch.epochRaised.marked()
                    epoch = raised.epoch
                    keepWatermark(CopyWatermark.Point(position: head, mark: publishedMark))
                    if raised.head != head { adopt(raised.head) }
                    resume()
                    return .kept(reason: "the reply to the transfer was lost")
                }
                guard let lease = try await environment.leases.leases(of: [database]).first else { break }
                if happened(lease) {
                    finishHandover(started)
                    return .transferred
                }
                guard lease.session == environment.session.id else { break }
                if lease.epoch > epoch {
                    // An earlier attempt to raise the epoch took effect without its reply.
                    epoch = lease.epoch
                    continue
                }
                // A store that refuses although the row is as expected was restored or promoted: the session is about to end.
                throw LeaseStoreError.unavailable("the epoch was not raised")
            } catch {
                do { try await environment.clock.sleep(for: .milliseconds(200)) } catch { break }
            }
        }
        abandon(reason: "the lease changed hands")
        return .lost
    }

    private func finishHandover(_ started: Duration) {
        if case .quiesced(let database?) = state { closeFiles(database, isClean: true) }
        setGone()
        let pause = environment.clock.now() - started
        environment.metrics.handovers.increment()
        environment.metrics.handoverSeconds.recordNanoseconds(pause.wholeNanoseconds)
        logger.info("handed over", metadata: ["pause_ms": "\(pause.milliseconds)"])
    }

    /// The lease was the successor's for a while, and came back with a newer head: the next opening brings it here.
    private func adopt(_ newer: ChainPosition) {
        if case .quiesced(let database?) = state { closeFiles(database, isClean: true) }
        state = .quiesced(nil)
        head = newer
        tip = newer
    }

    /// Serves again after a handover that did not happen.
    private func resume() {
        isDraining = false
        drainDeadline = nil
        drainIsOver = false
        if case .quiesced(let database) = state { state = database.map { .serving($0) } ?? .closed }
    }

    /// Lets what is under way finish, within the drain timeout, and publishes everything.
    ///
    /// - Returns: whether it is quiesced now, by this call. Otherwise it is gone, or serves on because it could not be
    ///   published in time, or somebody else is about to give it up.
    private func quiesce() async -> Bool {
        guard !isDraining else { return false }
        isDraining = true
        drainIsOver = false
        turn.refuseAll()
        let settings = environment.settings
        let deadline = environment.clock.now() + settings.drainTimeout
        drainDeadline = deadline
        let timer = Task { [environment] in
            try await environment.clock.sleep(until: deadline)
            self.endOpenTransactions()
            try await environment.clock.sleep(until: deadline + settings.publishTimeout)
            self.endDraining()
        }
        defer { timer.cancel() }
        while true {
            switch state {
            case .opening(let task): _ = try? await task.value
            case .closed where mayHaveUnpublished && !drainIsOver:
                // Left by a process that died, and not even opened since.
                do throws(BerthError) { try await open() } catch {
                    logger.warning("not given up: it may hold commits that are not in the bucket", metadata: ["error": "\(error)"])
                    resume()
                    return false
                }
            case .closed where mayHaveUnpublished:
                resume()
                return false
            case .closed, .unopenable:
                invariant(tip == head && cutCommit == nil, "a closed database is given away while a changeset of it is under way")
                state = .quiesced(nil)
                return true
            case .serving(let database) where isQuiet && isFoldedForClosing(database):
                invariant(isAllPublished, "a database is given away with commits that are not published")
                state = .quiesced(database)
                return true
            case .serving where drainIsOver, .accepting where drainIsOver:
                resume()
                return false
            case .serving where isQuiet:
                // Its log could not be emptied, and may be one that nobody can replay.
                resume()
                return false
            case .serving, .accepting:
                if lastCommit > publishedCommit { environment.shipper.markDirty(self, urgent: true) }
                await withCheckedContinuation { quietWaiters.append($0) }
            case .quiesced, .releasing, .gone: return false
            }
        }
    }

    /// What is not published by now is not waited for.
    func endDraining() {
        drainIsOver = true
        resumeQuietWaiters()
    }

    /// Past the drain deadline an open transaction, or an answer that is being read, ends as soon as nothing of it is being
    /// carried out.
    func endOpenTransactions() {
        guard let drainDeadline, environment.clock.now() >= drainDeadline else { return }
        for stream in streams.values
        where stream.isWaitingForClient && (stream.hasOpenTransaction || stream.cursor != nil) { close(stream) }
        resumeQuietWaitersIfQuiet()
    }

    /// Nothing is being carried out, no transaction is open, and everything committed is published.
    private var isQuiet: Bool {
        requestsUnderWay == 0 && !streams.values.contains { $0.hasOpenTransaction } && lastCommit == publishedCommit
            && cutCommit == nil
    }

    /// The head is all there is of this database.
    var isAllPublished: Bool { lastCommit == publishedCommit && tip == head && cutCommit == nil }

    func resumeQuietWaitersIfQuiet() {
        if isDraining && isQuiet { resumeQuietWaiters() }
    }

    func resumeQuietWaiters() {
        let waiters = quietWaiters
        quietWaiters.removeAll()
        for waiter in waiters { waiter.resume() }
    }
}
