import Changesets
import Engines
import FleetModel
import Logging
import Synchronization

/// Cutting changesets.
extension OpenDatabase {
    nonisolated func cut(_ order: CutOrder) async throws(CutFailure) -> CutResult {
        // Said before the lane is free, so that whoever has it lets this in before the next write.
        let now = host.clock.now()
        cutAsked.withLock { asked in if asked == nil { asked = now } }
        return try await cutOnLane(order)
    }

    private func cutOnLane(_ order: CutOrder) async throws(CutFailure) -> CutResult {
        cutAsked.withLock { $0 = nil }
        // They go on once the lane is left, which is not before what there is was captured.
        cutWaiters.resumeAll()
        guard case .open(let database) = state else { throw CutFailure(remedy: .tryAgain, description: "the database was closed") }
        settleMarks(at: order.head)
        let commit = commits.last
        let pages: PageSet
        do throws(CaptureError) {
            let found = try host.upkeep(of: opening.database, at: copy.filePath, by: engine) { () throws(CaptureError) -> PageSet? in
                foldSchemaChanges(of: database)
                let found = try captureWhatIsNew(database, order)?.pages
                // Now, when nothing is uncaptured: under steady writing there is no other moment. And when nothing could be committed, because
                // the log has become too long, this is what makes room.
                checkpointIfWorthwhile(database)
                return found
            }
            guard let found else { return .nothing(through: commit) }
            pages = found
        } catch {
            throw CutFailure(remedy: error.remedy, description: error.description)
        }
        // It counts as captured from here on; should it not be shipped, only everything together is a change that can.
        mustCaptureAll = true
        let mark = database.captureMark
        let head = marks.head, createdAt = host.clock.wallTime()
        let encoded: EncodedChangeset
        do { encoded = try await encode(pages, after: head, createdAt) } catch {
            throw CutFailure(remedy: .tryAgain, description: "\(error)")
        }
        guard case .open = state else { throw CutFailure(remedy: .tryAgain, description: "the database was closed") }
        invariant(marks.head == head && marks.cut == nil, "the head moved while a changeset was encoded")
        mustCaptureAll = false
        let position = ChainPosition(seq: head.seq + 1, checksum: encoded.chainChecksum)
        marks.didCut(position, mark)
        // Before it is sent: afterwards either may be the head.
        keepWatermark()
        return .cut(Cut(commit: commit, position: position, pageSize: pages.pageSize, createdAt: createdAt, contents: encoded.contents))
    }

    /// What was cut last is published now, or was given up.
    func settleMarks(at head: ChainPosition) {
        if marks.settle(at: head) { mustCaptureAll = true }
    }

    func raise(to epoch: Epoch) {
        marks.raise(to: epoch)
        keepWatermark()
    }

    /// Should what is new not be found, everything there is: the files on this disk are worth more than what is published.
    private func captureWhatIsNew(_ database: any EngineDatabase, _ order: CutOrder) throws(CaptureError) -> CapturedChanges? {
        let isWhole = order.isWhole || mustCaptureAll
        var spool = host.spool
        spool?.fileBytes = order.fileBytes
        do throws(CaptureError) { return try isWhole ? database.captureAll(spool: spool) : database.capture(spool: spool) } catch {
            guard error.remedy == .captureAll, !isWhole else { throw error }
            logger.error("capture failed; capturing the whole database", metadata: ["error": "\(error)"])
            return try database.captureAll(spool: spool)
        }
    }

    /// Many pages are encoded where nobody waits for the lane.
    private func encode(_ pages: PageSet, after previous: ChainPosition, _ createdAt: Int64) async throws -> EncodedChangeset {
        let profile = engine.profile
        let encode: @Sendable () throws -> EncodedChangeset = {
            try HADBP.encode(
                pages, profile: profile, seq: previous.seq + 1, previousChecksum: previous.checksum, createdAt: createdAt)
        }
        guard pages.content.size > Self.bytesWorthALeave else { return try encode() }
        return try await host.blockingWork.run(encode)
    }

    /// More take longer to hash and to copy than the way from the lane and back.
    private static let bytesWorthALeave = 64 << 10

    private func checkpointIfWorthwhile(_ database: any EngineDatabase) {
        do throws(CaptureError) {
            let limit = host.settings.checkpointBytes, former = marks.published
            guard try database.walBytes() >= limit else { return heldLog.isEmptied() }
            // What was captured last is moved as well, and is not published yet: from the head alone nobody could go on.
            marks.published = nil
            guard keepWatermark() else { return }
            try database.checkpoint(above: limit)
            commits.settle { database.commitMark }
            keepMark(former, afterCheckpointOf: database)
            let left = try database.walBytes()
            if left >= limit { heldLog.isHeld(left, at: host.clock.now()) } else { heldLog.isEmptied() }
        } catch {
            logger.warning("checkpoint failed", metadata: ["error": "\(error)"])
        }
    }

    /// A checkpoint moved what was captured, and more, in a way that a mark can follow: whoever opens the files after a crash may still go on with them.
    func keepMark(_ published: CaptureMark?, afterCheckpointOf database: any EngineDatabase) {
        marks.published = published.flatMap(database.markAfterCheckpoint)
        keepWatermark()
    }

    /// Writes what the files are. Where that is not possible, the former watermark stays, which proves less.
    ///
    /// - Returns: whether it was written.
    @discardableResult
    func keepWatermark() -> Bool {
        do throws(BerthError) {
            try copy.write(marks.watermark)
            return true
        } catch {
            logger.debug("watermark not written", metadata: ["error": "\(error)"])
            return false
        }
    }

    // MARK: Letting it in

    /// The shipper has been waiting for the lane for longer than the statements of a group may take: the next write lets it go first.
    ///
    /// Not earlier: what one request commits in one go is shipped together.
    var mustLetCutIn: Bool {
        guard let asked = cutAsked.withLock({ $0 }) else { return false }
        return host.clock.now() - asked >= host.settings.groupTime
    }

    /// Returns once the cut that is waiting has its turn.
    func letCutIn() async { await withCheckedContinuation { cutWaiters.add($0) } }
}
