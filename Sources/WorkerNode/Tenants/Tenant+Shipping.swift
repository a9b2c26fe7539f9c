import Changesets
import CoreMetrics
import EngineHost
import Engines
import FleetModel
import FleetStore
import Logging
import Replication
import Synchronization

extension Tenant {
    nonisolated func cut() async -> CutChangeset? {
        let now = environment.clock.now()
        shipClock.withLock { $0.askedToCut(at: now) }
        return await cutNext(askedAt: now)
    }

    private func cutNext(askedAt: Duration) async -> CutChangeset? {
        // Nothing is left to cut when quiesced: that was waited for.
        guard let database = shippable, changeset == .none else {
            endAsking()
            return nil
        }
        invariant(tip == head, "a changeset is cut behind one that nobody ships")
        let life = ledger.withLock { $0.life }
        changeset = .asked
        let result: Result<CutResult, CutFailure>
        do throws(CutFailure) {
            result = .success(try await database.cut(CutOrder(head: head, isWhole: publishesAnew)))
        } catch { result = .failure(error) }
        endAsking()
        // Given up meanwhile, or opened again at what is published: what was cut is not a part of it any more.
        guard isLiving(life), changeset == .asked else { return nil }
        changeset = .none
        switch result {
        case .success(.nothing(let commit)):
            captureFailures = 0
            shipClock.withLock { $0.foundNothingToCut() }
            // Everything up to here was rolled back or changed nothing.
            published(through: commit)
            return nil
        case .success(.cut(let cut)):
            captureFailures = 0
            publishesAnew = false
            let isMore = ledger.withLock { $0.lastCommit > cut.commit }
            shipClock.withLock { $0.didCut(leaving: isMore ? askedAt : nil) }
            changeset = .cut(commit: cut.commit)
            invariant(cut.position.seq == head.seq + 1, "a changeset does not follow the head")
            tip = cut.position
            return CutChangeset(
                epoch: epoch, previous: head, position: tip, pageSize: cut.pageSize, createdAt: cut.createdAt, contents: cut.contents)
        case .failure(let failure):
            switch failure.remedy {
            case .tryAgain: captureAgainLater(after: failure)
            case .captureAll:
                // What was committed cannot be read back: the published state is the last that can be trusted.
                logger.critical("capture failed; the database is reopened from the bucket", metadata: ["error": "\(failure)"])
                reopenFromHead(database)
            }
            resumeQuietWaitersIfQuiet()
            return nil
        }
    }

    private func endAsking() {
        let now = environment.clock.now()
        shipClock.withLock { $0.beganToCut(at: now) }
    }

    /// What was committed stays, and its age pushes writes back meanwhile.
    private func captureAgainLater(after failure: CutFailure) {
        let delays = environment.settings.captureRetryDelay
        let delay = min(delays.lowerBound * (1 << min(captureFailures, 20)), delays.upperBound)
        captureFailures += 1
        environment.metrics.captureFailures.increment()
        logger.warning("capture failed, trying again", metadata: ["error": "\(failure)", "failures": "\(captureFailures)"])
        Task { [environment] in
            do { try await environment.clock.sleep(for: delay) } catch { return }
            environment.shipper.markDirty(self, urgent: false)
        }
    }

    private var shippable: (any HostedDatabase)? {
        switch state {
        case .serving(let database), .accepting(let database): database
        case .opening: catchingUp
        case .closed, .closing, .unopenable, .quiesced, .releasing, .gone: nil
        }
    }

    private func isLiving(_ life: UInt64) -> Bool {
        if case .gone = state { return false }
        return ledger.withLock { $0.life == life }
    }

    /// What is in the bucket is no lag from now on, whatever this database is busy with.
    nonisolated func shipped(_ outcome: ShipOutcome) async {
        if outcome == .published { shipClock.withLock { $0.published() } }
        await noteShipped(outcome)
    }

    private func noteShipped(_ outcome: ShipOutcome) {
        guard case .cut(let commit) = changeset else { return }
        changeset = .none
        switch outcome {
        case .published:
            invariant(tip.seq == head.seq + 1, "published out of order")
            head = tip
            finishAccepting()
            published(through: commit)
            if !ledger.withLock({ $0.isAllPublished }) { environment.shipper.markDirty(self, urgent: isDraining) }
        case .fenced:
            abandon(reason: "another session holds it")
        case .diverged(let head):
            logger.critical("the published head is not on this copy's chain", metadata: ["head": "\(head)", "tip": "\(tip)"])
            switch state {
            case .serving(let database), .accepting(let database):
                self.head = head
                reopenFromHead(database)
            case .opening where catchingUp != nil:
                self.head = head
                if let catchingUp { reopenFromHead(catchingUp) }
            // A host that ended left files of which a part will never be published.
            case .closed, .opening, .closing: abandon(reason: "diverged")
            case .unopenable, .quiesced, .releasing, .gone: abandon(reason: "diverged")
            }
        }
    }

    private func published(through commit: UInt64) {
        ledger.withLock { $0.published(through: commit) }
        resumeQuietWaitersIfQuiet()
    }
}
