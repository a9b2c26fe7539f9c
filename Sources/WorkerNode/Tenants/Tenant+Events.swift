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
            tenant.machine.withLock { $0.lost(opening) }
            Task { await tenant.hostLost(opening, reason) }
        }
    }

    /// There may be something to ship.
    nonisolated func committed(_ commit: UInt64, in opening: UInt64) {
        guard machine.withLock({ $0.committed(commit, in: opening) }) else { return }
        noteUnpublished()
    }

    nonisolated func noteUnpublished() {
        let now = environment.clock.now()
        shipClock.withLock { $0.committed(at: now) }
        environment.shipper.markDirty(self, urgent: isDraining)
    }

    /// An open database that its engine has to open anew, after a fatal error, and cannot: what is committed is shipped as it lies
    /// in the files, then the published state is opened, from the bucket.
    private func filesDoNotOpen(_ opening: UInt64) {
        switch tell({ $0.filesDoNotOpen(opening) }) {
        case .notHeard: break
        case .ship: environment.shipper.markDirty(self, urgent: true)
        case .letGo(let former):
            logger.critical("the open files do not open any more; the database is reopened from the bucket")
            returned(from: former)
        }
    }

    /// The lease is still this node's, and what was committed is in the files: another host goes on with them.
    private func hostLost(_ opening: UInt64, _ reason: String) {
        guard tell({ $0.hostLost(opening) }) else { return }
        logger.error("the host of the database ended", metadata: ["reason": "\(reason)"])
        if needsAttention { environment.attention.insert(self) }
        quietWaiters.resumeAll()
    }
}
