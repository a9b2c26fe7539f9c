import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Replication

/// Rule 5, its last part: after a crash on a healthy disk the node that holds the files goes on with them.
extension Tenant {
    /// Opens the files as the last process of this node left them, and publishes what they hold beyond the head. Nothing is served before.
    ///
    /// - Returns: `nil` when there are none, or it is not proven that they are the head plus commits of this node.
    /// - Throws: `bucket_unavailable` when that could not be published in time: the files stay as they are, for the next attempt. What else
    ///   keeps the files from being opened now.
    func continueFromDisk(by engine: any Engine) async throws(BerthError) -> (any EngineDatabase)? {
        guard mayContinue, let watermark = try copy.watermark(), let point = watermark.point(at: head, in: epoch) else { return nil }
        guard let database = try openProven(point, by: engine) else { return nil }
        copyID = watermark.copy
        publishedMark = point.mark
        do throws(BerthError) {
            // From here on they are this epoch's: should this process die as well, the next one may go on.
            try copy.write(CopyWatermark(epoch: epoch, copy: watermark.copy, points: watermark.points))
        } catch {
            database.close()
            throw error
        }
        RareBranch.copyContinued.marked()
        return try await catchUp(database) ? database : nil
    }

    private func openProven(_ point: CopyWatermark.Point, by engine: any Engine) throws(BerthError) -> (any EngineDatabase)? {
        do throws(SQLError) {
            // At the origin everything in the files is this node's: they are captured whole.
            guard let mark = point.mark else { return try engine.open(copy.filePath, base: .empty, settings: record.settings) }
            let database = try engine.open(copy.filePath, base: .continued(mark), settings: record.settings)
            if database.isProven { return database }
            database.close()
            logger.notice("what a former process left cannot be proven to be the published state and more; it is restored")
            return nil
        } catch {
            if error.isWant { throw berthError(error) }
            logger.critical("what a former process left cannot be opened; it is restored", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Publishes what was committed by the process before.
    ///
    /// - Returns: whether the files are the published state now; otherwise they could not be read, and are closed.
    private func catchUp(_ database: any EngineDatabase) async throws(BerthError) -> Bool {
        catchingUp = database
        noteCommit()
        environment.shipper.markDirty(self, urgent: true)
        environment.attention.insert(self)
        let (commit, deadline) = (lastCommit, environment.clock.now() + environment.settings.publishTimeout)
        let isPublished = await withCheckedContinuation { publishWaiters.wait(for: commit, deadline: deadline, $0) }
        guard case .opening = state else { throw notLeader }
        guard catchingUp != nil else { return false }
        catchingUp = nil
        if isPublished { return true }
        database.close()
        throw unpublishedYet
    }

    var unpublishedYet: BerthError {
        BerthError(
            .bucketUnavailable,
            "“\(record.name)” has commits of before the node's last end that are not in the bucket yet; it is served as soon as they are.")
    }

    /// Whether a process of this node that led before `lease` left files that may be gone on with.
    nonisolated func wasLeft(at lease: Lease) -> Bool {
        (try? copy.watermark())?.point(at: lease.head, in: lease.epoch) != nil
    }

    /// Whether the files hold, or may hold, commits that are not published.
    var mayHaveUnpublished: Bool {
        if lastCommit > publishedCommit { return true }
        guard mayContinue, case .closed = state else { return false }
        // Not known counts as yes: nothing is given up for want of descriptors.
        do throws(BerthError) { return try copy.watermark()?.point(at: head, in: epoch) != nil } catch { return true }
    }

    /// The lease is this node's, and not everything committed under it, or left before it, is published.
    var isHeldUnpublished: Bool {
        switch state {
        case .gone, .releasing, .unopenable: false
        case .closed, .opening, .serving, .accepting, .quiesced: mayHaveUnpublished || catchingUp != nil
        }
    }

    /// Writes what the files are. Where that is not possible, the former watermark stays, which proves less.
    ///
    /// - Returns: whether it was written.
    @discardableResult
    func keepWatermark(_ points: CopyWatermark.Point...) -> Bool {
        guard let copyID else { return false }
        do throws(BerthError) {
            try copy.write(CopyWatermark(epoch: epoch, copy: copyID, points: points))
            return true
        } catch {
            logger.debug("watermark not written", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// The files are not what is published plus commits of this node: they are restored.
    func forgetFiles() {
        mayContinue = false
        do throws(BerthError) { try copy.removeWatermark() } catch {
            // Its position is not the head, or its engine finds the files damaged again.
            logger.warning("watermark not removed", metadata: ["error": "\(error)"])
        }
    }
}
