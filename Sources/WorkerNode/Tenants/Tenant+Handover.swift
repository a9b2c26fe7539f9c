import CoreMetrics
import Engines
import FleetModel
import Leases
import Logging
import Replication

extension Tenant {
    enum HandoverOutcome: Sendable {
        /// The successor holds the lease.
        case transferred
        /// The lease is still this node's, which serves on.
        case kept(reason: String)
        case lost
    }

    /// Rule 7: stops serving, publishes the last changeset and hands the lease over.
    func handOver(to successor: SessionID, copy: CopyID?) async -> HandoverOutcome {
        let started = environment.clock.now()
        await quiesce()
        guard case .quiesced = state else { return .lost }
        let claim = LeaseClaim(database: database, epoch: epoch, headSeq: head.seq)
        let transferred: Bool?
        do throws(LeaseStoreError) {
            transferred = try await environment.leases.transfer(
                claim, from: environment.session.id, to: successor, copy: copy)
        } catch {
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
        await quiesce()
        guard case .quiesced(let database) = state else { return nil }
        if let database { closeFiles(database, isClean: true) }
        state = .quiesced(nil)
        return LeaseClaim(database: self.database, epoch: epoch, headSeq: head.seq)
    }

    /// The lease was released.
    func released() { state = .gone }

    /// Rule 9: the reply was lost, and the statement may still execute. Either it is seen to have happened, or it is
    /// made impossible by moving the epoch past it.
    private func settle(
        after happened: (Lease) -> Bool, started: Duration
    ) async -> HandoverOutcome {
        while !Task.isCancelled {
            do throws(LeaseStoreError) {
                if let raised = try await environment.leases.raiseEpoch(
                    database, from: epoch, by: environment.session.id)
                {
                    epoch = raised.epoch
                    resume()
                    return .kept(reason: "the reply to the transfer was lost")
                }
                guard let lease = try await environment.leases.leases(of: [database]).first else { break }
                if happened(lease) {
                    finishHandover(started)
                    return .transferred
                }
                // An earlier attempt to raise the epoch took effect without its reply.
                if lease.session == environment.session.id {
                    epoch = lease.epoch
                    continue
                }
                break
            } catch {
                do { try await environment.clock.sleep(for: .milliseconds(200)) } catch { break }
            }
        }
        abandon(reason: "the lease changed hands")
        return .lost
    }

    private func finishHandover(_ started: Duration) {
        if case .quiesced(let database?) = state { closeFiles(database, isClean: true) }
        state = .gone
        let pause = environment.clock.now() - started
        environment.metrics.handovers.increment()
        environment.metrics.handoverSeconds.recordNanoseconds(pause.wholeNanoseconds)
        logger.info("handed over", metadata: ["pause_ms": "\(pause.milliseconds)"])
    }

    /// Serves again after a handover that did not happen.
    private func resume() {
        isDraining = false
        drainDeadline = nil
        if case .quiesced(let database) = state { state = database.map { .serving($0) } ?? .closed }
    }

    /// Lets what is under way finish, within the drain timeout, and publishes everything.
    private func quiesce() async {
        if case .opening(let task) = state { _ = try? await task.value }
        guard case .serving = state else {
            if case .closed = state { state = .quiesced(nil) }
            return
        }
        isDraining = true
        turn.refuseAll()
        let deadline = environment.clock.now() + environment.settings.drainTimeout
        drainDeadline = deadline
        let timer = Task { [environment] in
            try await environment.clock.sleep(until: deadline)
            self.endOpenTransactions()
        }
        await untilQuiet()
        timer.cancel()
        if case .serving(let database) = state, isQuiet { state = .quiesced(database) }
    }

    /// Past the drain deadline an open transaction ends as soon as nothing of it is being carried out.
    func endOpenTransactions() {
        guard let drainDeadline, environment.clock.now() >= drainDeadline else { return }
        for stream in streams.values where stream.hasOpenTransaction && !stream.isBusy { close(stream) }
        resumeQuietWaitersIfQuiet()
    }

    /// Nothing is being carried out, no transaction is open, and everything committed is published.
    private var isQuiet: Bool {
        requestsUnderWay == 0 && !streams.values.contains { $0.hasOpenTransaction } && lastCommit == publishedCommit
            && cutCommit == nil
    }

    private func untilQuiet() async {
        while true {
            guard case .serving = state, !isQuiet else { return }
            if lastCommit > publishedCommit { environment.shipper.markDirty(self, urgent: true) }
            await withCheckedContinuation { quietWaiters.append($0) }
        }
    }

    func resumeQuietWaitersIfQuiet() {
        if isDraining && isQuiet { resumeQuietWaiters() }
    }

    func resumeQuietWaiters() {
        let waiters = quietWaiters
        quietWaiters.removeAll()
        for waiter in waiters { waiter.resume() }
    }
}
