import Changesets
import CoreMetrics
import Engines
import FleetModel
import Leases
import Logging
import ObjectStores

/// What a source is to be told.
typealias Told = (shipment: Shipment, outcome: ShipOutcome)

/// What became of a bundle.
enum Delivery {
    /// The outcome of each changeset is known.
    case known([Told])
    /// The store refused it because of something in it that has no outcome yet.
    case refused(Parcel, reason: String, known: [Told])
    /// Only a cancellation ends the retries; the process is ending, and what is unpublished stays so.
    case stopped
}

extension Shipper {
    /// Puts changesets into a bundle and delivers that.
    func deliver(_ shipments: [Shipment]) async -> Delivery {
        guard let (parcel, broken) = await packUntilDone(shipments) else { return .stopped }
        // Its numbers contradict each other: no bundle can hold it.
        let unpackable: [Told] = broken.map { ($0, .diverged(head: $0.changeset.previous)) }
        guard let parcel else { return .known(unpackable) }
        switch await deliver(parcel) {
        case .known(let outcomes): return .known(unpackable + outcomes)
        case .refused(let parcel, let reason, let known): return .refused(parcel, reason: reason, known: unpackable + known)
        case .stopped: return .stopped
        }
    }

    /// Stores and publishes, again and again with identical bytes, until the outcome of each entry is known.
    func deliver(_ parcel: Parcel) async -> Delivery {
        var parcel = parcel
        var delay = settings.retryDelay.lowerBound
        var published: Set<DatabaseID> = []
        while true {
            do {
                try Task.checkCancellation()
                if !parcel.isStored {
                    try await objects.putOnce(parcel.name, contents: parcel.contents)
                    parcel.isStored = true
                }
                let started = clock.now()
                // What an attempt has advanced, a later one finds advanced already and does not name again.
                published.formUnion(
                    try await leases.publish(
                        Publication(session: session.id, bundle: parcel.name, bytes: Int64(parcel.contents.count), entries: parcel.entries)))
                metrics.publishSeconds.recordNanoseconds(Int64((clock.now() - started).seconds * 1e9))
                invariant(published.isSubset(of: parcel.entries.map(\.database)), "a head advanced that is not in the bundle")
                let outcomes = try await outcomes(of: parcel.entries, published: published)
                invariant(outcomes.count == parcel.shipments.count, "a changeset of the bundle has no outcome, or two")
                metrics.bundles.increment()
                metrics.bytesShipped.increment(by: parcel.contents.count)
                metrics.entriesShipped.increment(by: outcomes.count { $0 == .published })
                return .known(zip(parcel.shipments, outcomes).map { ($0, $1) })
            } catch LeaseStoreError.entryRefused(let reason) {
                // Definitely: an earlier attempt whose reply was lost may yet publish what is then found done.
                metrics.failures.increment()
                logger.warning("a bundle was refused", metadata: ["bundle": "\(parcel.name)", "reason": "\(reason)"])
                let known: [Told] = parcel.shipments.filter { published.contains($0.database) }.map { ($0, .published) }
                return .refused(parcel, reason: reason, known: known)
            } catch {
                if Task.isCancelled {
                    logger.notice("shipping stopped", metadata: ["unpublished": "\(parcel.shipments.count)"])
                    return .stopped
                }
                metrics.failures.increment()
                logger.warning("shipping failed, trying again", metadata: ["bundle": "\(parcel.name)", "error": "\(error)"])
                if Self.isNameUnusable(error) {
                    // Its name can never be published: the same changesets under another name.
                    RareBranch.bundleRenamed.marked()
                    guard let (again, broken) = await packUntilDone(parcel.shipments) else { return .stopped }
                    guard let again, broken.isEmpty else { brokenInvariant("what was in one bundle fits into no other") }
                    parcel = again
                }
                do { try await clock.sleep(for: delay * random.fraction(in: 0.5...1)) } catch { continue }
                delay = min(delay * 2, settings.retryDelay.upperBound)
            }
        }
    }

    /// Tries again when the disk has no room for what is made on it.
    ///
    /// - Returns: `nil` after a cancellation.
    private func packUntilDone(_ shipments: [Shipment]) async -> (parcel: Parcel?, broken: [Shipment])? {
        var delay = settings.retryDelay.lowerBound
        while !Task.isCancelled {
            do { return try await pack(shipments) } catch {
                metrics.failures.increment()
                logger.warning("a bundle could not be made, trying again", metadata: ["database": "\(shipments[0].database)", "error": "\(error)"])
            }
            do { try await clock.sleep(for: delay * random.fraction(in: 0.5...1)) } catch { return nil }
            delay = min(delay * 2, settings.retryDelay.upperBound)
        }
        return nil
    }

    /// - Returns: a bundle under a new name, `nil` when nothing fits into one; and what does not.
    private func pack(_ shipments: [Shipment]) async throws -> (parcel: Parcel?, broken: [Shipment]) {
        let header = BundleHeader(session: session.id, node: session.node, number: nextNumber())
        let pack: @Sendable () throws -> (parcel: Parcel?, broken: [Shipment]) = { [logger] in
            let (parcel, broken) = try Parcel.make(of: shipments, header)
            for shipment in broken { logger.error("changeset refused", metadata: ["database": "\(shipment.shipment.database)", "error": "\(shipment.error)"]) }
            return (parcel, broken.map(\.shipment))
        }
        // Compressing and hashing take time, on no thread that tasks share.
        guard shipments.reduce(0, { $0 + $1.size }) > Self.bytesWorthALeave else { return try pack() }
        return try await blockingWork.run(pack)
    }

    /// Fewer take no longer to compress than the way to another thread and back.
    private static let bytesWorthALeave = 64 << 10

    private static func isNameUnusable(_ error: any Error) -> Bool {
        if case LeaseStoreError.bundleSwept = error { return true }
        if case ObjectStoreError.preconditionFailed = error { return true }
        return false
    }

    /// Rule 6: what "no match" means is read from the row, and only another holder or epoch means fenced.
    ///
    /// - Returns: one for each entry, in their order.
    /// - Throws: `HeadNotAdvanced` when the identical publish has to be tried again.
    private func outcomes(of entries: [BundleEntry], published: Set<DatabaseID>) async throws -> [ShipOutcome] {
        let unmatched = entries.map(\.database).filter { !published.contains($0) }
        let rows = unmatched.isEmpty ? [] : try await leases.leases(of: unmatched)
        let current = Dictionary(uniqueKeysWithValues: rows.map { ($0.database, $0) })
        return try entries.map { entry in
            if published.contains(entry.database) { return .published }
            guard let lease = current[entry.database], lease.session == session.id, lease.epoch == entry.epoch else {
                RareBranch.publishFenced.marked()
                return .fenced
            }
            if lease.head == entry.endPosition {
                // The reply of an earlier attempt was lost, or it was in another bundle: it did advance the head.
                RareBranch.publishFoundDone.marked()
                return .published
            }
            if lease.head == ChainPosition(seq: entry.firstSeq - 1, checksum: entry.previousChecksum) {
                throw HeadNotAdvanced(database: entry.database)
            }
            return .diverged(head: lease.head)
        }
    }

    /// The row is as the publish expects it, and the publish did not say that it matched.
    private struct HeadNotAdvanced: Error {
        let database: DatabaseID
    }
}
