import Changesets
import CoreMetrics
import EngineHost
import Engines
import FleetModel
import FleetStore
import Logging
import Replication
import Synchronization

extension Tenant {
    nonisolated func cut() async -> CutChangeset? {
        let now = environment.clock.now()
        shipClock.withLock { $0.askedToCut(at: now) }
        return await cutNext(askedAt: now)
    }

    private func cutNext(askedAt: Duration) async -> CutChangeset? {
        guard let asked = tell({ $0.ask() }) else {
            endAsking()
            return nil
        }
        let result: Result<CutResult, CutFailure>
        var room: ByteReservation?
        do throws(CutFailure) {
            var order = asked.order
            order.fileBytes = 0
            result = .success(try await cut(asked.database, order, &room))
        } catch { result = .failure(error) }
        endAsking()
        switch tell({ $0.cut(result, asked: asked) }) {
        case .outdated: return nil
        case .nothing: shipClock.withLock { $0.foundNothingToCut() }
        case .ship(let cut, let chain, let isMore):
            shipClock.withLock { $0.didCut(leaving: isMore ? askedAt : nil) }
            return CutChangeset(
                epoch: chain.epoch, previous: chain.head, position: chain.tip, pageSize: cut.pageSize, createdAt: cut.createdAt, contents: cut.contents,
                room: room)
        case .tryAgain(let failure, let failures): captureAgainLater(after: failure, failures)
        case .letGo(let former, let failure):
            logger.critical("capture failed; the database is reopened from the bucket", metadata: ["error": "\(failure)"])
            returned(from: former)
        }
        resumeQuietWaitersIfQuiet()
        return nil
    }

    /// Cuts a changeset. One that does not fit into memory waits for room in the spool folder, and others behind it for theirs; those that fit into
    /// memory pass. A database has one under way, so that none takes the room of all.
    private func cut(_ database: any HostedDatabase, _ order: CutOrder, _ room: inout ByteReservation?) async throws(CutFailure) -> CutResult {
        var order = order
        while true {
            do throws(CutFailure) { return try await database.cut(order) } catch {
                guard case .room(let bytes) = error.remedy, bytes > order.fileBytes else { throw error }
                room = nil
                // More is committed meanwhile.
                order.fileBytes = bytes + bytes / 4 + Self.spareFileBytes
                // Once as it is, and once compressed for its bundle.
                room = await environment.spoolBudget.reserve(2 * UInt64(order.fileBytes))
                guard room != nil else { throw error }
            }
        }
    }

    private static let spareFileBytes = 1 << 20

    private func endAsking() {
        let now = environment.clock.now()
        shipClock.withLock { $0.beganToCut(at: now) }
    }

    /// What was committed stays, and its age pushes writes back meanwhile.
    private func captureAgainLater(after failure: CutFailure, _ failures: Int) {
        let delays = environment.settings.captureRetryDelay
        let delay = min(delays.lowerBound * (1 << min(failures, 20)), delays.upperBound)
        environment.metrics.captureFailures.increment()
        logger.warning("capture failed, trying again", metadata: ["error": "\(failure)", "failures": "\(failures + 1)"])
        Task { [environment] in
            do { try await environment.clock.sleep(for: delay) } catch { return }
            environment.shipper.markDirty(self, urgent: false)
        }
    }

    /// What is in the bucket is no lag from now on, whatever this database is busy with.
    nonisolated func shipped(_ outcome: ShipOutcome) async {
        if outcome == .published { shipClock.withLock { $0.published() } }
        await noteShipped(outcome)
    }

    private func noteShipped(_ outcome: ShipOutcome) {
        switch tell({ $0.shipped(outcome) }) {
        case .outdated: break
        case .published(let isMore, let accepted):
            if accepted != nil { noteServed() }
            if isMore { environment.shipper.markDirty(self, urgent: isDraining) }
            resumeQuietWaitersIfQuiet()
        case .lost(let reason):
            if case .diverged = outcome { noteDiverged() }
            abandon(reason: reason)
        case .letGo(let former):
            noteDiverged()
            returned(from: former)
        }
    }

    private func noteDiverged() {
        let chain = chain
        logger.critical("the published head is not on this copy's chain", metadata: ["head": "\(chain.head)", "tip": "\(chain.tip)"])
    }
}
