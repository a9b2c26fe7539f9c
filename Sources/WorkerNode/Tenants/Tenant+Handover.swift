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
            return isGone
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
        if machine.withLock({ $0.isReleasing }) { return claim }
        guard await quiesce() else { return nil }
        if let database = machine.withLock({ $0.quiesced }) { await closeClean(database) }
        return tell { $0.release() } ? claim : nil
    }

    /// Rule 4, the last sentence: as `prepareRelease`, if this holder has been unable to serve since `limit` or longer.
    func prepareGivingUp(after limit: Duration) -> LeaseClaim? {
        let now = environment.clock.now()
        return tell { $0.giveUp(after: limit, at: now) } ? claim : nil
    }

    /// The lease was released.
    func released() { tell { $0.leave() } }

    private var claim: LeaseClaim { LeaseClaim(database: database, epoch: epoch, headSeq: head.seq) }

    /// Rule 9: the reply was lost, and the statement may still execute. Either it is seen to have happened, or it is
    /// made impossible by moving the epoch past it.
    private func settle(
        after happened: (Lease) -> Bool, started: Duration
    ) async -> HandoverOutcome {
        // Once it is gone, a lease of this node is another tenant's, and must be left alone.
        while !Task.isCancelled, !isGone {
            do throws(LeaseStoreError) {
                if let raised = try await environment.leases.raiseEpoch(
                    database, from: epoch, by: environment.session.id)
                {
                    RareBranch.epochRaised.marked()
                    if let database = tell({ $0.raise(to: raised.epoch) }) { await database.raise(to: raised.epoch) }
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
                    if let database = tell({ $0.raise(to: lease.epoch) }) { await database.raise(to: lease.epoch) }
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
        if let database = machine.withLock({ $0.quiesced }) { await closeClean(database) }
        tell { $0.leave() }
    }

    /// The lease was the successor's for a while, and came back with a newer head: the next opening brings it here.
    private func adopt(_ newer: ChainPosition) async {
        if let database = machine.withLock({ $0.quiesced }) { await closeClean(database) }
        tell { $0.adopt(newer) }
    }

    /// Serves again after a handover that did not happen.
    private func resume() async {
        guard let database = tell({ $0.resume() }) else { return }
        await database.resume()
        tell { $0.resumed(database) }
    }

    /// Lets what is under way finish, within the drain timeout, and publishes everything.
    ///
    /// - Returns: whether it is quiesced now, by this call. Otherwise it is gone, or serves on because it could not be
    ///   published in time, or somebody else is about to give it up.
    private func quiesce() async -> Bool {
        guard tell({ $0.beginDraining() }) else { return false }
        let deadline = environment.clock.now() + environment.settings.drainTimeout
        let timer = Task { [environment] in
            try await environment.clock.sleep(until: deadline + environment.settings.publishTimeout)
            self.endDraining()
        }
        defer { timer.cancel() }
        var step = Step.lookAgain
        while true {
            switch step {
            case .lookAgain:
                let mayBeLeft = mayBeLeft
                step = tell { $0.quiesce(mayBeLeft: mayBeLeft) }
                continue
            case .waitForOpening(let task): _ = try? await task.value
            case .waitForClosing(let task): await task.value
            case .open:
                do throws(BerthError) { try await open() } catch {
                    logger.warning("not given up: it may hold commits that are not in the bucket", metadata: ["error": "\(error)"])
                    await resume()
                    return false
                }
            case .drain(let database):
                await database.drain(until: deadline)
                step = machine.withLock { $0.drained() }
                continue
            case .waitForQuiet: await waitForQuiet()
            case .fold(let database):
                let folding = await database.foldForClosing(head: head)
                step = tell { $0.folded(folding) }
                continue
            case .isQuiesced: return true
            case .serveOn:
                await resume()
                return false
            case .refused: return false
            }
            step = .lookAgain
        }
    }

    private typealias Step = TenantMachine.Quiesce

    private func waitForQuiet() async {
        if !isAllPublished { environment.shipper.markDirty(self, urgent: true) }
        await withCheckedContinuation { continuation in
            if machine.withLock({ $0.isQuiet }) { continuation.resume() } else { quietWaiters.add(continuation) }
        }
    }

    /// What is not published by now is not waited for.
    func endDraining() {
        tell { $0.endDraining() }?.endDraining()
        quietWaiters.resumeAll()
    }

    func resumeQuietWaitersIfQuiet() {
        if machine.withLock({ $0.isDraining && $0.isQuiet }) { quietWaiters.resumeAll() }
    }
}
