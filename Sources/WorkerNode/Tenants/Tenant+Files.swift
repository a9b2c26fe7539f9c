import CoreMetrics
import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Replication
import Synchronization

/// Opening files in the host, and letting go of them.
extension Tenant {
    /// How many others are asked to make room, at most.
    private static let askedForRoom = 32

    /// Opens the files, which are at `tip`. When the host has too many open already, those nobody uses are closed first.
    ///
    /// - Throws: `SQLError` of the engine; `OpeningFailure.unproven`; `too_many_open_databases` when everything that is open is being used;
    ///   `quarantined`, `disk_unavailable`, `engine_unavailable`, `leader_unavailable` when the host ended.
    func openFiles(_ content: DatabaseOpening.Content, copy: CopyID) async throws -> any HostedDatabase {
        let hasCommits = content != .head
        let begun = tell { $0.beginOpeningFiles(hasCommits: hasCommits) }
        let chain = chain
        let order = DatabaseOpening(
            database: database, name: record.name, engine: record.engine, settings: record.settings, directory: environment.directory, copy: copy,
            epoch: chain.epoch, head: chain.head, tip: chain.tip, content: content, commit: begun.commit)
        let owner = Owner(self, opening: begun.opening)
        var idlest: ArraySlice<Tenant>?
        while true {
            do throws(OpeningFailure) {
                let opened = try await environment.host.open(order, for: owner)
                copyID = copy
                if hasCommits { noteUnpublished() }
                return opened
            } catch {
                if error == .tooManyFiles {
                    var rest = idlest ?? environment.openTenants.idlest(besides: self, atMost: Self.askedForRoom)[...]
                    let next = rest.popFirst()
                    idlest = rest
                    if let next {
                        _ = await next.closeForRoom()
                        continue
                    }
                }
                tell { $0.filesNotOpened(begun) }
                throw reason(of: error)
            }
        }
    }

    private func reason(of failure: OpeningFailure) -> any Error {
        switch failure {
        case .host(.engine(let error)): return error
        case .host(.engineMissing(let message)): return BerthError(.engineUnavailable, message)
        case .host(.hostLost):
            return hostEnded
        case .unproven: return failure
        case .disk(let message): return BerthError(.diskUnavailable, message)
        case .quarantined(let quarantined):
            // Once, however often it is asked for.
            if quarantined.refusals != reportedRefusals { environment.reporter.report(database, .quarantined(quarantined), in: epoch) }
            reportedRefusals = quarantined.refusals
            return quarantined.error(record.name)
        case .tooManyFiles:
            environment.metrics.openingsRefused.increment()
            return BerthError(
                .tooManyOpenDatabases,
                "The node has as many databases open as it may, and all are being used, so “\(record.name)” cannot be opened now. Nothing was executed. "
                    + "If this lasts, raise its limit of open files, or add nodes.")
        }
    }

    /// Closes one database that nobody uses.
    func makeRoom() async {
        for tenant in environment.openTenants.idlest(besides: self, atMost: Self.askedForRoom) where await tenant.closeForRoom() { return }
    }

    /// The files of an idle database are closed for another one.
    ///
    /// - Returns: whether they are.
    private func closeForRoom() async -> Bool {
        guard await closeIfIdle(before: environment.clock.now() + .nanoseconds(1)) else { return false }
        environment.metrics.closedForRoom.increment()
        return true
    }

    /// Open and, as far as is known without asking it, of use to nobody.
    nonisolated var looksIdle: Bool {
        machine.withLock { $0.isServing && $0.ledger.underWay == 0 && $0.ledger.isAllPublished }
    }

    // MARK: Closing

    /// Closes the files of a database nobody used for a while. The lease stays.
    ///
    /// - Returns: whether it did.
    @discardableResult
    func closeIfIdle(before limit: Duration) async -> Bool {
        guard lastUse.load(ordering: .relaxed) < limit.wholeNanoseconds,
            let closing = tell({ $0.closeIfIdle { database in Task { await self.closeUnused(database) } } })
        else { return false }
        await closing.value
        guard machine.withLock({ $0.isClosed }) else { return false }
        logger.debug("closed, idle")
        return true
    }

    private func closeUnused(_ database: any HostedDatabase) async {
        let outcome = await database.closeIfAtRest(head: head)
        switch tell({ $0.closed(database, outcome) }) {
        case .notLeader: _ = await database.close(clean: false, because: notLeader)
        case .markClean: markClean()
        case .isClosed: break
        case .serveOn:
            // Committed by a checkpoint, while nothing could be cut.
            if !isAllPublished { environment.shipper.markDirty(self) }
        }
    }

    private func markClean() {
        guard let copyID else { return }
        let chain = chain
        invariant(chain.isAtHead, "files are called clean that hold more than is published")
        do throws(BerthError) { try copy.markClean(at: chain.head, copy: copyID) } catch {
            // Without the mark the next opening restores the copy, or goes on with it as after a crash.
            logger.warning("local copy not kept", metadata: ["error": "\(error)"])
        }
    }

    /// Closes the files so that they are the published state and say so.
    func closeClean(_ database: any HostedDatabase) async {
        invariant(isAllPublished, "files are called clean that hold more than is published")
        if await database.close(clean: true, because: notLeader) == .clean { markClean() }
    }

    /// Lets go of the files; nobody waits for that but who opens them next.
    ///
    /// - Parameter forgets: they are not the published state and commits of this node any more.
    func letGo(of database: any HostedDatabase, because reason: BerthError, forgets: Bool = false) {
        environment.closing.close(self.database) { [copy, logger] in
            _ = await database.close(clean: false, because: reason)
            guard forgets else { return }
            do throws(BerthError) { try copy.removeWatermark() } catch {
                // Its position is not the head, or its engine finds the files damaged again.
                logger.warning("watermark not removed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// The lease is another's: nothing of this copy may be served or shipped again.
    func abandon(reason: String) {
        guard let loss = tell({ $0.lose() }) else { return }
        switch loss {
        case .nothing: break
        case .files(let files): letGo(of: files, because: notLeader)
        case .closing(let task): environment.closing.close(database) { await task.value }
        case .opening(let opening):
            environment.closing.close(database) { _ = try? await opening.task.value }
            if let catchingUp = opening.catchingUp { letGo(of: catchingUp, because: notLeader) }
        }
        shipClock.withLock { $0.gaveUpAll() }
        quietWaiters.resumeAll()
        environment.metrics.lost.increment()
        logger.warning("lease lost", metadata: ["reason": "\(reason)"])
    }

    /// What is not published was given up, with the files that held it.
    func returned(from former: any HostedDatabase) {
        RareBranch.returnedToHead.marked()
        letGo(of: former, because: returnedToHead, forgets: true)
        shipClock.withLock { $0.gaveUpAll() }
        quietWaiters.resumeAll()
    }

    private var returnedToHead: BerthError {
        BerthError(
            .leaderUnavailable, "“\(record.name)” was returned to its published state while this request waited. Nothing was executed.")
    }
}
