import CoreMetrics
import EngineHost
import FleetModel
import Leases
import Logging
import Replication
import Synchronization

/// What the host of a database tells between two calls.
extension Tenant {
    /// Who one opening was made for: what it tells after the next one has begun is not heard.
    final class Owner: DatabaseOwner {
        private let tenant: Tenant
        private let opening: UInt64

        init(_ tenant: Tenant, opening: UInt64) {
            self.tenant = tenant
            self.opening = opening
        }

        func committed(_ commit: UInt64) { tenant.committed(commit, in: opening) }
        func wantsCut() { tenant.environment.shipper.markDirty(tenant) }
        func filesDoNotOpen() { Task { await tenant.filesDoNotOpen(opening) } }
        func wantsFiles() { Task { await tenant.makeRoom() } }
        func hostLost(_ reason: String) {
            // At once: whoever comes next is not sent to what is not there.
            tenant.ledger.withLock { $0.lost(opening) }
            Task { await tenant.hostLost(opening, reason) }
        }
    }

    /// There may be something to ship.
    nonisolated func committed(_ commit: UInt64, in opening: UInt64) {
        guard ledger.withLock({ $0.committed(commit, in: opening) }) else { return }
        noteUnpublished()
    }

    nonisolated func noteUnpublished() {
        let now = environment.clock.now()
        shipClock.withLock { $0.committed(at: now) }
        environment.shipper.markDirty(self, urgent: isUrgent.load(ordering: .relaxed))
    }

    /// An open database that its engine has to open anew, after a fatal error, and cannot: what is committed is shipped as it lies
    /// in the files, then the published state is opened, from the bucket.
    private func filesDoNotOpen(_ opening: UInt64) {
        guard case .serving(let database) = state, isCurrent(opening) else { return }
        guard isAllPublished else { return environment.shipper.markDirty(self, urgent: true) }
        logger.critical("the open files do not open any more; the database is reopened from the bucket")
        reopenFromHead(database)
    }

    /// The lease is still this node's, and what was committed is in the files: another host goes on with them.
    private func hostLost(_ opening: UInt64, _ reason: String) {
        guard isCurrent(opening) else { return }
        logger.error("the host of the database ended", metadata: ["reason": "\(reason)"])
        lostOpening = opening
        ledger.withLock { $0.lost(opening) }
        switch state {
        case .serving:
            keepFiles()
            state = .closed
        case .closing: filesAreKept = true
        case .accepting: state = .closed
        case .opening:
            // Whoever opens it finds out. What it was about to publish stays on the disk, for the next attempt.
            catchingUp = nil
            ledger.withLock { $0.failAllWaiters() }
        case .quiesced: state = .quiesced(nil)
        case .closed, .unopenable, .releasing, .gone: break
        }
        quietWaiters.resumeAll()
    }

    private func keepFiles() {
        filesAreKept = true
        if !ledger.withLock({ $0.isAllPublished }) { environment.attention.insert(self) }
    }

    private func isCurrent(_ opening: UInt64) -> Bool { ledger.withLock { $0.opening == opening } }
}
