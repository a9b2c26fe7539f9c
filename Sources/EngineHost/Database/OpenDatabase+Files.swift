import CoreMetrics
import Engines
import FleetModel

/// The descriptors a database takes.
extension OpenDatabase {
    /// Takes what the next connection needs, ahead of it: nothing while there is an idle one. What it has become is counted
    /// afterwards, also when there was none.
    ///
    /// - Returns: whether that is allowed.
    func takeFilesOfConnection(to database: any EngineDatabase) -> Bool {
        let count = database.descriptorsOfNextConnection
        guard count > 0 else { return true }
        guard host.files.take(count) else { return false }
        descriptors += count
        return true
    }

    /// - Throws: `TOO_MANY_OPEN_FILES`.
    func makeRoomForConnection(to database: any EngineDatabase) throws(SQLError) {
        if takeFilesOfConnection(to: database) { return }
        host.metrics.connectionsRefused.increment()
        // For the next attempt.
        owner.wantsFiles()
        throw SQLError(
            code: "TOO_MANY_OPEN_FILES",
            message: "The node has as many files open as it may, so this database gets no further connection now. Try again in a second, "
                + "or close a transaction.")
    }

    /// What is open has changed: it is counted anew.
    func countFiles(of database: (any EngineDatabase)?) {
        let present = database?.descriptors ?? 0
        guard present != descriptors else { return }
        host.files.settle(from: descriptors, to: present)
        descriptors = present
    }
}
