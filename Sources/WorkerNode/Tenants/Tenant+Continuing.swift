import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Replication
import Synchronization

/// Rule 5, its last part: after a crash on a healthy disk the node that holds the files goes on with them.
extension Tenant {
    /// Opens the files as the last process of this node left them, and publishes what they hold beyond the head. Nothing is served before.
    ///
    /// - Returns: `nil` when there are none, or it is not proven that they are the head plus commits of this node.
    /// - Throws: `bucket_unavailable` when that could not be published in time: the files stay as they are, for the next attempt. What else
    ///   keeps the files from being opened now.
    func continueFromDisk() async throws -> (any HostedDatabase)? {
        guard mayContinue, let watermark = try copy.watermark(), watermark.point(at: head, in: epoch) != nil,
            let database = try await openProven(watermark)
        else { return nil }
        try await requireOpening(database)
        RareBranch.copyContinued.marked()
        return try await catchUp(database) ? database : nil
    }

    private func openProven(_ watermark: CopyWatermark) async throws -> (any HostedDatabase)? {
        do { return try await openFiles(.left(watermark), copy: watermark.copy) } catch OpeningFailure.unproven {
            logger.notice("what a former process left cannot be proven to be the published state and more; it is restored")
            return nil
        } catch let error as SQLError where !error.isWant {
            logger.critical(
                "what a former process left cannot be opened; it is set aside, and the database is restored from the bucket",
                metadata: ["error": "\(error)", "files": "\(copy.directory)/aside"])
            try await setFilesAside()
            return nil
        }
    }

    /// Publishes what was committed by the process before.
    ///
    /// - Returns: whether the files are the published state now; otherwise they could not be read, and are closed.
    private func catchUp(_ database: any HostedDatabase) async throws(BerthError) -> Bool {
        tell { $0.beginCatchingUp(database) }
        environment.shipper.markDirty(self, urgent: true)
        environment.attention.insert(self)
        let deadline = environment.clock.now() + environment.settings.publishTimeout
        let isPublished = await withCheckedContinuation { continuation in
            if let known = tell({ $0.waitForAll(until: deadline, continuation) }) { continuation.resume(returning: known) }
        }
        try await requireOpening(database)
        guard tell({ $0.endCatchingUp() }) else { return false }
        if isPublished { return true }
        _ = await database.close(clean: false, because: unpublishedYet)
        throw unpublishedYet
    }

    private var mayContinue: Bool { machine.withLock { $0.disk != .useless } }

    var unpublishedYet: BerthError {
        BerthError(
            .bucketUnavailable,
            "“\(record.name)” has commits of before the node's last end that are not in the bucket yet; it is served as soon as they are.")
    }

    /// Whether a process of this node that led before `lease` left files that may be gone on with.
    nonisolated func wasLeft(at lease: Lease) -> Bool {
        (try? copy.watermark())?.point(at: lease.head, in: lease.epoch) != nil
    }

    /// Whether the files of a closed database may hold commits that nobody counted, left by a process or a host that ended.
    var mayBeLeft: Bool {
        let (chain, mayBe) = machine.withLock { ($0.chain, $0.mayBeLeft) }
        guard mayBe else { return false }
        // Not known counts as yes: nothing is given up for want of descriptors.
        do throws(BerthError) { return try copy.watermark()?.point(at: chain.head, in: chain.epoch) != nil } catch { return true }
    }

    /// The lease is this node's, and not everything committed under it, or left before it, is published.
    var isHeldUnpublished: Bool { machine.withLock { $0.isHeldUnpublished } || mayBeLeft }
}
