import Changesets
public import FleetModel
public import Leases
public import Logging
import Metrics
public import ObjectStores
import Synchronization

public struct ShipperSettings: Sendable {
    /// Time from one bundle to the next: what a `local` write may lose, and what bounds the PUTs of a node.
    public var interval: Duration = .milliseconds(250)
    /// Bytes after which a bundle is closed.
    public var maximumBundleBytes = 16 << 20
    /// Waiting time after a failure, doubled with each one up to the second value.
    public var retryDelay: ClosedRange<Duration> = .milliseconds(50)...(.seconds(1))

    public init() {}
}

/// Ships the changesets of all databases of a node: one bundle, one PUT and one publish per interval, however many
/// databases wrote.
///
/// One bundle is under way at a time, so a database's changesets reach the store in the order of its chain.
public final class Shipper: Sendable {
    private let session: NewSession
    private let objects: any ObjectStore
    private let leases: any LeaseStore
    private let settings: ShipperSettings
    private let clock: any FleetClock
    private let random: RandomSource
    private let logger: Logger
    private let dirty = DirtySet()
    private let bundleNumber = Atomic<UInt64>(0)

    private let bundles = Counter(label: "berth_ship_bundles_total")
    private let entriesShipped = Counter(label: "berth_ship_entries_total")
    private let bytesShipped = Counter(label: "berth_ship_bytes_total")
    private let failures = Counter(label: "berth_ship_failures_total")
    private let publishSeconds = Timer(label: "berth_ship_publish_seconds")

    public init(
        session: NewSession, objects: any ObjectStore, leases: any LeaseStore, settings: ShipperSettings,
        clock: any FleetClock, random: RandomSource = .system, logger: Logger
    ) {
        self.session = session
        self.objects = objects
        self.leases = leases
        self.settings = settings
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// Says that `source` committed something. Cheap, from any thread.
    ///
    /// - Parameter urgent: do not wait for the interval; a move waits for this changeset.
    public func markDirty(_ source: any Shippable, urgent: Bool = false) {
        dirty.insert(source, urgent: urgent)
    }

    /// Ships until cancelled. A bundle that is under way is finished or, after a cancellation, given up unpublished.
    public func run() async {
        var last: Duration?
        while !Task.isCancelled {
            if dirty.isEmpty {
                await dirty.wakeup.wait(clock: clock)
                continue
            }
            if let last, !dirty.isUrgent, clock.now() < last + settings.interval {
                await dirty.wakeup.wait(until: last + settings.interval, clock: clock)
                continue
            }
            last = clock.now()
            while await shipBundle() == .full && !Task.isCancelled {}
        }
    }

    private enum Fill { case full, complete }

    /// Ships what waits now, up to the size of one bundle.
    private func shipBundle() async -> Fill {
        var builder = nextBuilder()
        var sources: [DatabaseID: any Shippable] = [:]
        var changesets: [(DatabaseID, CutChangeset)] = []
        var fill = Fill.complete
        for _ in 0..<dirty.beginBundle() {
            guard let source = dirty.takeFirst() else { break }
            guard let changeset = await source.cut() else { continue }
            invariant(changeset.position.seq == changeset.previous.seq + 1, "a changeset does not follow the one before it")
            invariant(sources[source.database] == nil, "a database is in one bundle twice")
            do {
                try append(changeset, of: source.database, to: &builder)
            } catch {
                logger.error("changeset refused", metadata: ["database": "\(source.database)", "error": "\(error)"])
                await source.shipped(.diverged(head: changeset.previous))
                continue
            }
            sources[source.database] = source
            changesets.append((source.database, changeset))
            if builder.size >= settings.maximumBundleBytes {
                fill = .full
                break
            }
        }
        guard !changesets.isEmpty else { return fill }

        do {
            let outcomes = try await ship(builder, changesets)
            bundles.increment()
            await withTaskGroup(of: Void.self) { group in
                for (database, outcome) in outcomes {
                    guard let source = sources[database] else { continue }
                    group.addTask { await source.shipped(outcome) }
                }
            }
        } catch {
            // Only a cancellation ends the retries; the process is ending and what is unpublished stays so.
            logger.notice("shipping stopped", metadata: ["unpublished": "\(changesets.count)"])
        }
        return fill
    }

    private func nextBuilder() -> BundleBuilder {
        let (_, number) = bundleNumber.add(1, ordering: .relaxed)
        return BundleBuilder(session: session.id, node: session.node, number: number)
    }

    private func append(
        _ changeset: CutChangeset, of database: DatabaseID, to builder: inout BundleBuilder
    ) throws(BundleError) {
        try builder.append(
            database: database, epoch: changeset.epoch, kind: .delta, firstSeq: changeset.position.seq,
            lastSeq: changeset.position.seq, previousChecksum: changeset.previous.checksum,
            checksum: changeset.position.checksum, pageSize: UInt32(changeset.pageSize),
            createdAt: changeset.createdAt, changeset: changeset.bytes)
    }

    /// Stores and publishes, again and again with identical bytes, until the outcome of each entry is known.
    ///
    /// - Throws: `CancellationError` only.
    private func ship(
        _ builder: BundleBuilder, _ changesets: [(DatabaseID, CutChangeset)]
    ) async throws -> [(DatabaseID, ShipOutcome)] {
        var name = builder.header.name.description
        var (bytes, entries) = try builder.finish()
        var isStored = false
        var published: Set<DatabaseID> = []
        var delay = settings.retryDelay.lowerBound
        while true {
            try Task.checkCancellation()
            do {
                if !isStored {
                    try await objects.putOnce(name, bytes: bytes)
                    isStored = true
                }
                let started = clock.now()
                // What an attempt has advanced, a later one finds advanced already and does not name again.
                published.formUnion(
                    try await leases.publish(
                        Publication(session: session.id, bundle: name, bytes: Int64(bytes.count), entries: entries)))
                publishSeconds.recordNanoseconds(Int64((clock.now() - started).seconds * 1e9))
                invariant(published.isSubset(of: entries.map(\.database)), "a head advanced that is not in the bundle")
                let outcomes = try await outcomes(of: entries, published: published)
                invariant(outcomes.count == entries.count, "a changeset of the bundle has no outcome, or two")
                bytesShipped.increment(by: bytes.count)
                entriesShipped.increment(by: outcomes.count { $0.1 == .published })
                return outcomes
            } catch {
                if Task.isCancelled { throw CancellationError() }
                failures.increment()
                logger.warning("shipping failed, trying again", metadata: ["bundle": "\(name)", "error": "\(error)"])
                if Self.isNameUnusable(error) {
                    // Its name can never be published: the same changesets under another name.
                    RareBranch.bundleRenamed.marked()
                    var again = nextBuilder()
                    for (database, changeset) in changesets { try append(changeset, of: database, to: &again) }
                    name = again.header.name.description
                    (bytes, entries) = try again.finish()
                    isStored = false
                }
                try await clock.sleep(for: delay * random.fraction(in: 0.5...1))
                delay = min(delay * 2, settings.retryDelay.upperBound)
            }
        }
    }

    private static func isNameUnusable(_ error: any Error) -> Bool {
        if case LeaseStoreError.bundleSwept = error { return true }
        if case ObjectStoreError.preconditionFailed = error { return true }
        return false
    }

    /// Rule 6: what "no match" means is read from the row, and only another holder or epoch means fenced.
    ///
    /// - Throws: `HeadNotAdvanced` when the identical publish has to be tried again.
    private func outcomes(
        of entries: [BundleEntry], published: Set<DatabaseID>
    ) async throws -> [(DatabaseID, ShipOutcome)] {
        var outcomes = published.map { ($0, ShipOutcome.published) }
        let unmatched = entries.filter { !published.contains($0.database) }
        guard !unmatched.isEmpty else { return outcomes }
        let rows = try await leases.leases(of: unmatched.map(\.database))
        let current = Dictionary(uniqueKeysWithValues: rows.map { ($0.database, $0) })
        for entry in unmatched {
            guard let lease = current[entry.database], lease.session == session.id, lease.epoch == entry.epoch else {
                RareBranch.publishFenced.marked()
                outcomes.append((entry.database, .fenced))
                continue
            }
            if lease.head == entry.endPosition {
                // The reply of an earlier attempt was lost: it did advance the head.
                RareBranch.publishFoundDone.marked()
                outcomes.append((entry.database, .published))
            } else if lease.head == ChainPosition(seq: entry.firstSeq - 1, checksum: entry.previousChecksum) {
                throw HeadNotAdvanced(database: entry.database)
            } else {
                outcomes.append((entry.database, .diverged(head: lease.head)))
            }
        }
        return outcomes
    }

    /// The row is as the publish expects it, and the publish did not say that it matched.
    private struct HeadNotAdvanced: Error {
        let database: DatabaseID
    }
}
