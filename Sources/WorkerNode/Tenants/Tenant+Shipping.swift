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
        guard case .serving(let database) = state, cutCommit == nil else { return nil }
        let commit = lastCommit
        firstCommitAfterCut = nil
        do {
            guard let pages = try database.capture()?.pages else {
                // Everything up to here was rolled back or changed nothing.
                published(through: commit)
                return nil
            }
            let createdAt = environment.clock.wallTime()
            let profile = try engine.get().profile
            let encoded = try HADBP.encode(
                pages, profile: profile, seq: tip.seq + 1, previousChecksum: tip.checksum, createdAt: createdAt)
            let previous = tip
            tip = ChainPosition(seq: tip.seq + 1, checksum: encoded.chainChecksum)
            cutCommit = commit
            // Now, when nothing is uncaptured: under steady writing there is no other moment.
            checkpointIfWorthwhile(database)
            return CutChangeset(
                epoch: epoch, previous: previous, position: tip, pageSize: pages.pageSize, createdAt: createdAt,
                bytes: encoded.bytes)
        } catch {
            // What was committed cannot be read back: the published state is the last that can be trusted.
            logger.critical("capture failed; the database is reopened from the bucket", metadata: ["error": "\(error)"])
            reopenFromHead(database)
            return nil
        }
    }

    func shipped(_ outcome: ShipOutcome) async {
        guard let commit = cutCommit else { return }
        cutCommit = nil
        switch outcome {
        case .published:
            head = tip
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
