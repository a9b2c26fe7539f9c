import CoreMetrics
import Engines
import FleetModel
import FleetStore
import Synchronization

/// The descriptors a tenant takes, and those it closes for others.
extension Tenant {
    /// How many others are asked to make room, at most.
    private static let askedForRoom = 32

    /// Takes what an opening needs, closing what nobody uses.
    ///
    /// - Throws: `too_many_open_databases` when everything that is open is being used.
    func makeRoomForFiles(of engine: any Engine) async throws(BerthError) {
        countFiles(of: nil)
        let count = engine.openingDescriptors
        if takeFiles(count) { return }
        for tenant in environment.openFiles.idlest(besides: self, atMost: Self.askedForRoom) {
            guard await tenant.closeForRoom() else { continue }
            if takeFiles(count) { return }
        }
        if takeFiles(count) { return }
        environment.metrics.openingsRefused.increment()
        throw BerthError(
            .tooManyOpenDatabases,
            "The node has as many databases open as it may, and all are being used, so “\(record.name)” cannot be opened now. Nothing was executed. "
                + "If this lasts, raise its limit of open files, or add nodes.")
    }

    private func takeFiles(_ count: Int) -> Bool {
        // Gone meanwhile: whoever opens it finds that out.
        guard environment.openFiles.take(count, for: self) else { return false }
        descriptors += count
        return true
    }

    /// The files of an idle database are closed for another one.
    ///
    /// - Returns: whether they are.
    private func closeForRoom() -> Bool {
        guard closeIfIdle(before: environment.clock.now() + .nanoseconds(1)) else { return false }
        environment.metrics.closedForRoom.increment()
        return true
    }

    /// Takes what the next connection needs, ahead of it: nothing while there is an idle one. What it has become is counted
    /// afterwards, also when there was none.
    ///
    /// - Returns: whether that is allowed.
    func takeFilesOfConnection(to database: any EngineDatabase) -> Bool {
        let count = database.descriptorsOfNextConnection
        return count == 0 || takeFiles(count)
    }

    /// - Throws: `TOO_MANY_OPEN_FILES`.
    func makeRoomForConnection(to database: any EngineDatabase) throws(SQLError) {
        if takeFilesOfConnection(to: database) { return }
        environment.metrics.openingsRefused.increment()
        // For the next attempt.
        Task { [environment] in
            for tenant in environment.openFiles.idlest(besides: self, atMost: Self.askedForRoom) where await tenant.closeForRoom() { return }
        }
        throw SQLError(
            code: "TOO_MANY_OPEN_FILES",
            message: "The node has as many files open as it may, so this database gets no further connection now. Try again in a second, "
                + "or close a transaction.")
    }

    /// What is open has changed: it is counted anew.
    func countFiles(of database: (any EngineDatabase)?) {
        let present = database?.descriptors ?? 0
        guard present != descriptors else { return }
        environment.openFiles.settle(self, from: descriptors, to: present)
        descriptors = present
    }

    /// Open and, as far as is known without asking it, of use to nobody.
    nonisolated var looksIdle: Bool {
        isOpen.load(ordering: .relaxed) && !isBusy.load(ordering: .relaxed) && !shipClock.withLock { $0.isBehind }
    }
}
