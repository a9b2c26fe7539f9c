import CoreMetrics
import Engines
import FleetModel
import Logging

/// A log that was never replayed is no backup: what is published of a schema lies in the main file, not in a log, and before files
/// are closed on purpose nothing is left in one.
extension OpenDatabase {
    /// Ahead of a capture: a log with changes of the schema goes into what is captured as blocks of the main file.
    func foldSchemaChanges(of database: any EngineDatabase) {
        guard database.owesCheckpoint else { return }
        fold(database)
        // Not now: a transaction or a cursor was open, or the disk failed. It is tried again without waiting for a commit.
        if database.owesCheckpoint { host.attention.insert(self) }
    }

    /// What is in the log is cut as blocks of the main file, also when a checkpoint moved it there after the last changeset was cut.
    func foldForClosing(head: ChainPosition) -> Folding {
        guard case .open(let database) = state else { return .failed }
        settleMarks(at: head)
        guard database.hasLogToReplay || !database.isAsCaptured else { return .folded }
        guard mayFold, host.upkeep(of: opening.database, at: copy.filePath, by: engine, { fold(database) }) else { return database.owesCheckpoint ? .failed : .folded }
        noteCommit()
        return .mustCut
    }

    /// Ships what a checkpoint that is owed will have changed, once it is time to try that again.
    func retryOwedCheckpoint() {
        if owesCheckpoint, mayFold { owner.wantsCut() }
    }

    var owesCheckpoint: Bool {
        if case .open(let database) = state { database.owesCheckpoint } else { false }
    }

    private var mayFold: Bool { host.clock.now() >= nextFold }

    /// - Returns: whether nothing is left in the log.
    @discardableResult
    private func fold(_ database: any EngineDatabase) -> Bool {
        guard mayFold else { return false }
        do throws(CaptureError) {
            try database.foldLog()
            commits.settle { database.commitMark }
            keepMark(marks.published, afterCheckpointOf: database)
            return !database.hasLogToReplay
        } catch {
            host.metrics.failedCheckpoints.increment()
            nextFold = host.clock.now() + host.settings.checkpointRetry
            logger.error(
                "checkpoint failed; what is committed is shipped as a log, and the checkpoint is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }
}
