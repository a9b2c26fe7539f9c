import Changesets
import CoreMetrics
import Engines
import FleetModel
import FleetStore
import Logging
import Replication
import Synchronization

extension Tenant {
    /// A write transaction ended: there may be something to ship.
    func noteCommit() {
        lastCommit += 1
        let now = environment.clock.now()
        shipClock.withLock { $0.committed(at: now) }
        environment.shipper.markDirty(self, urgent: isDraining)
    }

    nonisolated func cut() async -> CutChangeset? {
        // Said before the lane is free, so that whoever has it lets this in before the next write.
        let now = environment.clock.now()
        shipClock.withLock { $0.askedToCut(at: now) }
        return await cutOnLane()
    }

    private func cutOnLane() async -> CutChangeset? {
        let now = environment.clock.now()
        shipClock.withLock { $0.beganToCut(at: now) }
        // They go on once the lane is left, which is not before what there is was captured.
        resumeCutWaiters()
        // Nothing is left to cut when quiesced: that was waited for.
        guard let database = shippable, cutCommit == nil else { return nil }
        invariant(tip == head, "a changeset is cut behind one that nobody ships")
        let (commit, begun) = (lastCommit, life)
        do throws(CaptureError) {
            foldSchemaChanges(of: database)
            guard let pages = try captureWhatIsNew(database)?.pages else {
                captureFailures = 0
                shipClock.withLock { $0.foundNothingToCut() }
                // Everything up to here was rolled back or changed nothing.
                published(through: commit)
                return nil
            }
            captureFailures = 0
            shipClock.withLock { $0.didCut() }
            cutCommit = commit
            publishesAnew = false
            // Now, when nothing is uncaptured: under steady writing there is no other moment.
            checkpointIfWorthwhile(database)
            cutMark = database.captureMark
            return try await encode(pages, begun)
        } catch {
            guard isLiving(begun) else { return nil }
            cutCommit = nil
            shipClock.withLock { $0.gaveUpCut() }
            switch error.remedy {
            case .tryAgain: captureAgainLater(after: error)
            case .captureAll:
                // What was committed cannot be read back: the published state is the last that can be trusted.
                logger.critical("capture failed; the database is reopened from the bucket", metadata: ["error": "\(error)"])
                reopenFromHead(database)
            }
            return nil
        }
    }

    /// Should what is new not be found, everything there is: the files on this disk are worth more than what is published.
    private func captureWhatIsNew(_ database: any EngineDatabase) throws(CaptureError) -> CapturedChanges? {
        let isWhole = mustCaptureAll || publishesAnew
        do throws(CaptureError) { return try isWhole ? database.captureAll() : database.capture() } catch {
            guard error.remedy == .captureAll, !isWhole else { throw error }
            logger.error("capture failed; capturing the whole database", metadata: ["error": "\(error)"])
            return try database.captureAll()
        }
    }

    /// What was committed stays, and its age pushes writes back meanwhile.
    private func captureAgainLater(after error: any Error) {
        let delays = environment.settings.captureRetryDelay
        let delay = min(delays.lowerBound * (1 << min(captureFailures, 20)), delays.upperBound)
        captureFailures += 1
        environment.metrics.captureFailures.increment()
        logger.warning("capture failed, trying again", metadata: ["error": "\(error)", "failures": "\(captureFailures)"])
        Task { [environment] in
            do { try await environment.clock.sleep(for: delay) } catch { return }
            environment.shipper.markDirty(self, urgent: false)
        }
    }

    /// - Returns: `nil` when what was captured is not wanted any more, or is captured again later.
    private func encode(_ pages: PageSet, _ begun: UInt64) async throws(CaptureError) -> CutChangeset? {
        let createdAt = environment.clock.wallTime()
        let previous = tip
        let encoded: EncodedChangeset
        do { encoded = try await encode(pages, after: previous, createdAt) } catch {
            guard isLiving(begun) else { return nil }
            // It counts as captured and cannot be shipped: only everything together is a change that can.
            mustCaptureAll = true
            cutCommit = nil
            shipClock.withLock { $0.gaveUpCut() }
            captureAgainLater(after: error)
            return nil
        }
        guard isLiving(begun) else { return nil }
        mustCaptureAll = false
        invariant(previous == head && tip == head, "the head moved while a changeset was encoded")
        tip = ChainPosition(seq: previous.seq + 1, checksum: encoded.chainChecksum)
        // Before it is sent: afterwards either may be the head.
        keepWatermark(
            CopyWatermark.Point(position: head, mark: publishedMark), CopyWatermark.Point(position: tip, mark: cutMark))
        return CutChangeset(
            epoch: epoch, previous: previous, position: tip, pageSize: pages.pageSize, createdAt: createdAt,
            bytes: encoded.bytes)
    }

    private var shippable: (any EngineDatabase)? {
        switch state {
        case .serving(let database), .accepting(let database): database
        case .opening: catchingUp
        case .closed, .unopenable, .quiesced, .releasing, .gone: nil
        }
    }

    /// Neither given up since then nor opened again at what is published: what was captured is still a part of it.
    private func isLiving(_ begun: UInt64) -> Bool {
        if case .gone = state { return false }
        return life == begun
    }

    /// Many pages are encoded where nobody waits for the lane.
    private func encode(
        _ pages: PageSet, after previous: ChainPosition, _ createdAt: Int64
    ) async throws -> EncodedChangeset {
        let profile = try engine.get().profile
        let encode: @Sendable () throws -> EncodedChangeset = {
            try HADBP.encode(
                pages, profile: profile, seq: previous.seq + 1, previousChecksum: previous.checksum, createdAt: createdAt)
        }
        guard pages.bytes.count > Self.bytesWorthALeave else { return try encode() }
        return try await environment.blockingWork.run(encode)
    }

    /// More take longer to hash and to copy than the way from the lane and back.
    private static let bytesWorthALeave = 64 << 10

    /// What is in the bucket is no lag from now on, whatever the lane is busy with.
    nonisolated func shipped(_ outcome: ShipOutcome) async {
        if outcome == .published { shipClock.withLock { $0.published() } }
        await noteShipped(outcome)
    }

    private func noteShipped(_ outcome: ShipOutcome) {
        guard let commit = cutCommit else { return }
        cutCommit = nil
        switch outcome {
        case .published:
            invariant(tip.seq == head.seq + 1, "published out of order")
            head = tip
            publishedMark = cutMark
            finishAccepting()
            published(through: commit)
            if lastCommit > commit { environment.shipper.markDirty(self, urgent: isDraining) }
        case .fenced:
            abandon(reason: "another session holds it")
        case .diverged(let head):
            logger.critical("the published head is not on this copy's chain", metadata: ["head": "\(head)", "tip": "\(tip)"])
            guard let database = shippable else { return abandon(reason: "diverged") }
            self.head = head
            reopenFromHead(database)
        }
    }

    private func published(through commit: UInt64) {
        invariant(commit <= lastCommit, "more is published than was committed")
        publishedCommit = max(publishedCommit, commit)
        publishWaiters.published(through: publishedCommit)
        resumeQuietWaitersIfQuiet()
    }

    private func checkpointIfWorthwhile(_ database: any EngineDatabase) {
        do throws(CaptureError) {
            let limit = environment.settings.checkpointBytes, former = publishedMark
            guard try database.walBytes() >= limit else { return }
            // What was captured last is moved as well, and is not published yet: from the head alone nobody could go on.
            publishedMark = nil
            guard keepWatermark(CopyWatermark.Point(position: head, mark: nil)) else { return }
            try database.checkpoint(above: limit)
            keepMark(former, afterCheckpointOf: database)
        } catch {
            logger.warning("checkpoint failed", metadata: ["error": "\(error)"])
        }
    }

    /// A checkpoint moved what was captured, and more, in a way that a mark can follow: whoever opens the files after a crash may still go on with them.
    func keepMark(_ published: CaptureMark?, afterCheckpointOf database: any EngineDatabase) {
        publishedMark = published.flatMap(database.markAfterCheckpoint)
        keepWatermark(CopyWatermark.Point(position: head, mark: publishedMark))
    }

    /// The shipper has been waiting for the lane for longer than the statements of a group may take: the next write lets it go first.
    ///
    /// Not earlier: what one request commits in one go is shipped together.
    var mustLetCutIn: Bool {
        let now = environment.clock.now()
        return shipClock.withLock { $0.isCutWaiting(for: environment.settings.groupTime, at: now) }
    }

    /// Returns once the cut that is waiting has its turn.
    func letCutIn() async { await withCheckedContinuation { cutWaiters.append($0) } }

    private func resumeCutWaiters() {
        let waiters = cutWaiters
        cutWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    func reopenFromHead(_ database: any EngineDatabase) {
        RareBranch.returnedToHead.marked()
        closeFiles(database, isClean: false)
        forgetFiles()
        // An opening under way goes on by restoring.
        if catchingUp == nil { state = .closed }
        catchingUp = nil
        life += 1
        tip = head
        cutCommit = nil
        mustCaptureAll = false
        captureFailures = 0
        publishWaiters.failAll()
        publishedCommit = lastCommit
        shipClock.withLock { $0.gaveUpAll() }
        resumeQuietWaiters()
    }
}
