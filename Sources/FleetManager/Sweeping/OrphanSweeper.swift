import Changesets
import FleetModel
import FleetStore
import Logging
import Metrics
import ObjectStores

/// Rule 13: deletes bundles that were stored and never published.
///
/// Only the folders of ended sessions are listed, each once, so a quiet fleet lists nothing. The tombstone is committed
/// before the object is deleted; publish inserts the same name, so the two exclude each other.
struct OrphanSweeper {
    let manager: FleetManager
    let term: ManagerTerm
    private let swept = Counter(label: "berth_bundles_swept_total")
    private static let page = 1_000

    init(manager: FleetManager, term: ManagerTerm) {
        self.manager = manager
        self.term = term
    }

    func run() async {
        while !Task.isCancelled {
            do {
                for (session, node) in try await manager.catalogue.unsweptSessions(
                    grace: manager.settings.sweepGrace, limit: 100)
                {
                    try await sweep(session, of: node)
                }
                try await manager.catalogue.forgetIdempotencyKeys(olderThanHours: manager.settings.idempotencyHours)
            } catch {
                manager.logger.warning("sweeping failed", metadata: ["error": "\(error)"])
            }
            do { try await manager.clock.sleep(for: manager.settings.sweepInterval) } catch { return }
        }
    }

    private func sweep(_ session: SessionID, of node: NodeName) async throws {
        let prefix = BundleName.prefix(node: node, session: session)
        var after: String?
        while true {
            let page = try await manager.objects.list(prefix: prefix, after: after, limit: Self.page)
            let unpublished = try await manager.catalogue.unpublished(page.map(\.name))
            if !unpublished.isEmpty {
                let tombstoned = try await manager.catalogue.tombstone(unpublished, under: term)
                invariant(Set(tombstoned).isSubset(of: unpublished), "an object would be deleted that may be published")
                try await manager.objects.delete(tombstoned)
                swept.increment(by: tombstoned.count)
                manager.logger.info("swept", metadata: ["session": "\(session)", "bundles": "\(tombstoned.count)"])
            }
            guard page.count == Self.page, let last = page.last else { break }
            after = last.name
        }
        try await manager.catalogue.markSwept(session, under: term)
    }
}
