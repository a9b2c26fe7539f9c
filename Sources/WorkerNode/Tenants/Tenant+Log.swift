import CoreMetrics
import Engines
import FleetModel
import Logging
import Replication

/// A log that was never replayed is no backup: what is published of a schema lies in the main file, not in a log, and before files
/// are closed on purpose nothing is left in one.
extension Tenant {
    /// Ahead of a capture: a log with changes of the schema goes into what is captured as blocks of the main file.
    func foldSchemaChanges(of database: any EngineDatabase) {
        guard database.owesCheckpoint else { return }
        fold(database)
        // Not now: a transaction or a cursor was open, or the disk failed. It is tried again without waiting for a commit.
        if database.owesCheckpoint { environment.attention.insert(self) }
    }

    /// Ahead of closing or giving away a quiet database: what is in the log is published as blocks of the main file, also when a checkpoint moved it
    /// there after the last changeset was cut.
    ///
    /// - Returns: whether it may be closed now. Otherwise there is something to publish first, or the log, which may be one that cannot
    ///   be replayed, could not be emptied.
    func isFoldedForClosing(_ database: any EngineDatabase) -> Bool {
        guard database.hasLogToReplay || !database.isAsCaptured else { return true }
        guard mayFold, fold(database) else { return !database.owesCheckpoint }
        noteCommit()
        return false
    }

    /// Ships what a checkpoint that is owed will have changed, once it is time to try that again.
    func retryOwedCheckpoint() {
        guard owesCheckpoint, mayFold, cutCommit == nil else { return }
        environment.shipper.markDirty(self)
    }

    /// An open database that its engine has to open anew, after a fatal error, and cannot: what is committed is shipped as it lies
    /// in the files, then the published state is opened, from the bucket.
    func giveUpFiles(of database: any EngineDatabase) {
        guard lastCommit == publishedCommit, cutCommit == nil else { return environment.shipper.markDirty(self, urgent: true) }
        logger.critical("the open files do not open any more; the database is reopened from the bucket")
        reopenFromHead(database)
    }

    var owesCheckpoint: Bool {
        if case .serving(let database) = state { database.owesCheckpoint } else { false }
    }

    private var mayFold: Bool { environment.clock.now() >= nextFold }

    /// - Returns: whether nothing is left in the log.
    @discardableResult
    private func fold(_ database: any EngineDatabase) -> Bool {
        guard mayFold else { return false }
        do throws(CaptureError) {
            try database.foldLog()
            // Nothing is under way: what was cut last is the head.
            if cutCommit == nil { keepMark(publishedMark, afterCheckpointOf: database) }
            return !database.hasLogToReplay
        } catch {
            environment.metrics.failedCheckpoints.increment()
            nextFold = environment.clock.now() + environment.settings.checkpointRetry
            logger.error(
                "checkpoint failed; what is committed is shipped as a log, and the checkpoint is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }
}
