import CoreMetrics
import EngineHost
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
            await finishHandover(started)
            return .transferred
        case false:
            await resume()
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
        if let database { await closeClean(database) }
        guard case .quiesced = state else { return nil }
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
                    if case .quiesced(let database?) = state { await database.raise(to: raised.epoch) }
                    if raised.head != head { await adopt(raised.head) }
                    await resume()
                    return .kept(reason: "the reply to the transfer was lost")
                }
                guard let lease = try await environment.leases.leases(of: [database]).first else { break }
                if happened(lease) {
                    await finishHandover(started)
                    return .transferred
                }
                guard lease.session == environment.session.id else { break }
                if lease.epoch > epoch {
                    // An earlier attempt to raise the epoch took effect without its reply.
                    epoch = lease.epoch
                    if case .quiesced(let database?) = state { await database.raise(to: lease.epoch) }
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

    private func finishHandover(_ started: Duration) async {
        let pause = environment.clock.now() - started
        environment.metrics.handovers.increment()
        environment.metrics.handoverSeconds.recordNanoseconds(pause.wholeNanoseconds)
        logger.info("handed over", metadata: ["pause_ms": "\(pause.milliseconds)"])
        if case .quiesced(let database?) = state { await closeClean(database) }
        setGone()
    }

    /// The lease was the successor's for a while, and came back with a newer head: the next opening brings it here.
    private func adopt(_ newer: ChainPosition) async {
        if case .quiesced(let database?) = state { await closeClean(database) }
        guard case .quiesced = state else { return }
        state = .quiesced(nil)
        head = newer
        tip = newer
    }

    /// Serves again after a handover that did not happen.
    private func resume() async {
        isDraining = false
        drainIsOver = false
        switch state {
        case .quiesced(let database?):
            await database.resume()
            guard case .quiesced(_?) = state else { return resumeWithoutFiles() }
            state = .serving(database)
            ledger.withLock { $0.serve(database, in: epoch) }
        case .serving(let database), .accepting(let database): await database.resume()
        default: resumeWithoutFiles()
        }
    }

    private func resumeWithoutFiles() {
        if case .quiesced(nil) = state { state = .closed }
    }

    /// Lets what is under way finish, within the drain timeout, and publishes everything.
    ///
    /// - Returns: whether it is quiesced now, by this call. Otherwise it is gone, or serves on because it could not be
    ///   published in time, or somebody else is about to give it up.
    private func quiesce() async -> Bool {
        guard !isDraining else { return false }
        isDraining = true
        drainIsOver = false
        let deadline = environment.clock.now() + environment.settings.drainTimeout
        let timer = Task { [environment] in
            try await environment.clock.sleep(until: deadline + environment.settings.publishTimeout)
            self.endDraining()
        }
        defer { timer.cancel() }
        while true {
            switch state {
            case .opening(let task): _ = try? await task.value
            case .closing(let task): await task.value
            case .closed where mayHaveUnpublished && !drainIsOver:
                // Left by a process or a host that ended, and not even opened since.
                do throws(BerthError) { try await open() } catch {
                    logger.warning("not given up: it may hold commits that are not in the bucket", metadata: ["error": "\(error)"])
                    await resume()
                    return false
                }
            case .closed where mayHaveUnpublished:
                await resume()
                return false
            case .closed, .unopenable:
                invariant(tip == head && changeset == .none, "a closed database is given away while a changeset of it is under way")
                ledger.withLock { $0.stopAcknowledging() }
                state = .quiesced(nil)
                return true
            case .serving where drainIsOver, .accepting where drainIsOver:
                await resume()
                return false
            case .serving(let database):
                await database.drain(until: deadline)
                guard case .serving = state, !drainIsOver else { continue }
                guard isQuiet else {
                    await waitForQuiet()
                    continue
                }
                let folding = await database.foldForClosing(head: head)
                guard case .serving = state, folding != .mustCut else { continue }
                if folding == .failed {
                    // Its log could not be emptied, and may be one that nobody can replay.
                    await resume()
                    return false
                }
                guard isQuiet else { continue }
                ledger.withLock { $0.stopAcknowledging() }
                state = .quiesced(database)
                return true
            case .accepting: await waitForQuiet()
            case .quiesced, .releasing, .gone: return false
            }
        }
    }

    private func waitForQuiet() async {
        if !ledger.withLock({ $0.isAllPublished }) || publishesAnew { environment.shipper.markDirty(self, urgent: true) }
        await withCheckedContinuation { continuation in
            if isQuiet { continuation.resume() } else { quietWaiters.add(continuation) }
        }
    }

    /// What is not published by now is not waited for.
    func endDraining() {
        drainIsOver = true
        if case .serving(let database) = state { database.endDraining() }
        quietWaiters.resumeAll()
    }

    /// Nobody waits for an answer, and everything committed is published.
    private var isQuiet: Bool { ledger.withLock { $0.underWay == 0 } && isAllPublished }

    /// The head is all there is of this database.
    var isAllPublished: Bool { ledger.withLock { $0.isAllPublished } && tip == head && changeset == .none && !publishesAnew }

    func resumeQuietWaitersIfQuiet() {
        if isDraining && isQuiet { quietWaiters.resumeAll() }
    }
}
