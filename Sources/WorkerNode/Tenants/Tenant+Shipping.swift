import Changesets
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
        if firstCommitAfterCut == nil { firstCommitAfterCut = now }
        if unshippedSince.load(ordering: .relaxed) == 0 { unshippedSince.store(now.wholeNanoseconds, ordering: .relaxed) }
        environment.shipper.markDirty(self, urgent: isDraining)
    }

    func cut() async -> CutChangeset? {
        // Nothing is left to cut when quiesced: that was waited for.
        let database: any EngineDatabase
        switch state {
        case .serving(let open) where cutCommit == nil, .accepting(let open) where cutCommit == nil: database = open
        default: return nil
        }
        let (commit, begun) = (lastCommit, life)
        firstCommitAfterCut = nil
        do {
            foldSchemaChanges(of: database)
            guard let pages = try publishesAnew ? database.captureAll().pages : database.capture()?.pages else {
                // Everything up to here was rolled back or changed nothing.
                published(through: commit)
                return nil
            }
            cutCommit = commit
            publishesAnew = false
            // Now, when nothing is uncaptured: under steady writing there is no other moment.
            checkpointIfWorthwhile(database)
            let createdAt = environment.clock.wallTime()
            let previous = tip
            let encoded = try await encode(pages, after: previous, createdAt)
            guard isLiving(begun) else { return nil }
            tip = ChainPosition(seq: previous.seq + 1, checksum: encoded.chainChecksum)
            return CutChangeset(
                epoch: epoch, previous: previous, position: tip, pageSize: pages.pageSize, createdAt: createdAt,
                bytes: encoded.bytes)
        } catch {
            guard isLiving(begun) else { return nil }
            // What was committed cannot be read back: the published state is the last that can be trusted.
            logger.critical("capture failed; the database is reopened from the bucket", metadata: ["error": "\(error)"])
            reopenFromHead(database)
            return nil
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

    func shipped(_ outcome: ShipOutcome) async {
        guard let commit = cutCommit else { return }
        cutCommit = nil
        switch outcome {
        case .published:
            head = tip
            finishAccepting()
            published(through: commit)
            if lastCommit > commit { environment.shipper.markDirty(self, urgent: isDraining) }
        case .fenced:
            abandon(reason: "another session holds it")
        case .diverged(let head):
            logger.critical("the published head is not on this copy's chain", metadata: ["head": "\(head)", "tip": "\(tip)"])
            guard case .serving(let database) = state else { return abandon(reason: "diverged") }
            self.head = head
            reopenFromHead(database)
        }
    }

    private func published(through commit: UInt64) {
        publishedCommit = max(publishedCommit, commit)
        publishWaiters.published(through: publishedCommit)
        unshippedSince.store(firstCommitAfterCut?.wholeNanoseconds ?? 0, ordering: .relaxed)
        resumeQuietWaitersIfQuiet()
    }

    private func checkpointIfWorthwhile(_ database: any EngineDatabase) {
        do {
            try database.checkpoint(above: environment.settings.checkpointBytes)
        } catch {
            logger.warning("checkpoint failed", metadata: ["error": "\(error)"])
        }
    }

    private func reopenFromHead(_ database: any EngineDatabase) {
        closeFiles(database, isClean: false)
        state = .closed
        life += 1
        tip = head
        cutCommit = nil
        publishWaiters.failAll()
        publishedCommit = lastCommit
        firstCommitAfterCut = nil
        unshippedSince.store(0, ordering: .relaxed)
        resumeQuietWaiters()
    }
}
