import Changesets
public import FleetModel
public import FleetStore
import Leases
public import ObjectStores

/// Rule 12: after Postgres was restored from a backup or a standby was promoted, checks every lease against what the
/// bucket says, before anybody serves again.
///
/// A store that went back in time has forgotten publishes: changesets that were acknowledged, and epochs that were used.
/// Both are in the bundles' own indexes.
public struct StoreAdoption: Sendable {
    public struct Report: Sendable, Equatable {
        public var server: StoreGeneration
        /// Bundles whose index was read.
        public var bundles = 0
        /// Databases whose head the store had forgotten, and how many changesets of each.
        public var extended: [DatabaseID: Int] = [:]
        /// Databases that have changesets in the bucket and no row in the catalogue.
        public var unknown: Set<DatabaseID> = []
    }

    private let catalogue: FleetCatalogue
    private let objects: any ObjectStore
    private static let page = 1_000
    private static let parallelCopies = 16

    public init(catalogue: FleetCatalogue, objects: any ObjectStore) {
        self.catalogue = catalogue
        self.objects = objects
    }

    /// Adopts the Postgres that answers. The caller has made sure that no process of the fleet has been able to renew a
    /// session on any other for a TTL.
    ///
    /// - Returns: `nil` when the fleet runs on this Postgres already.
    public func run() async throws -> Report? {
        let (fleet, server) = try await catalogue.generations()
        guard fleet != server else { return nil }
        var report = Report(server: server)
        let entries = try await readIndexes(&report)
        let leases = try await catalogue.allLeases()
        report.unknown = Set(entries.keys).subtracting(leases.map(\.database))
        var adopted = leases.map { Self.adopt($0, entries[$0.database] ?? []) }
        let copies = try await storeAnew(Set(adopted.flatMap { $0.forgotten.map(\.bundle) }))
        for index in adopted.indices {
            for segment in adopted[index].forgotten.indices {
                let original = adopted[index].forgotten[segment].bundle
                adopted[index].forgotten[segment].bundle = copies[original] ?? original
            }
        }
        for lease in adopted where !lease.forgotten.isEmpty { report.extended[lease.database] = lease.forgotten.count }
        try await catalogue.adopt(server, leases: adopted)
        return report
    }

    /// Every entry of every bundle that may count, by database.
    private func readIndexes(_ report: inout Report) async throws -> [DatabaseID: [Segment]] {
        let swept = try await catalogue.tombstonedBundles()
        var found: [DatabaseID: [Segment]] = [:]
        var after: String?
        while true {
            let page = try await objects.list(prefix: BundleName.root, after: after, limit: Self.page)
            for object in page where !swept.contains(object.name) {
                for entry in try await index(of: object) {
                    found[entry.database, default: []].append(Segment(bundle: object.name, entry: entry))
                }
                report.bundles += 1
            }
            guard page.count == Self.page, let last = page.last else { return found }
            after = last.name
        }
    }

    private func index(of object: ObjectInfo) async throws -> [BundleEntry] {
        let size = Int64(object.size)
        let tail = try await objects.get(object.name, range: (size - Int64(BundleReader.footerLength))..<size)
        let footer = try BundleReader.footer(fromTail: tail[...], objectSize: UInt64(size))
        let header = try await objects.get(object.name, range: 0..<Int64(BundleReader.headerLength))
        guard !footer.indexRange.isEmpty else { return [] }
        let index = try await objects.get(
            object.name, range: Int64(footer.indexRange.lowerBound)..<Int64(footer.indexRange.upperBound))
        return try BundleReader.index(header: header[...], index: index[...], footer: footer).entries
    }

    /// Copies bundles to names that nobody has ever known: a manager of the former store may have marked one of them as
    /// never published, which this store forgot, and its DELETE may still be under way.
    ///
    /// Done again after a crash it finds the same copies: names and bytes follow from the originals.
    ///
    /// - Returns: the name of each one's copy.
    private func storeAnew(_ bundles: Set<String>) async throws -> [String: String] {
        var copies: [String: String] = [:]
        var left = bundles.sorted()[...]
        while !left.isEmpty {
            let group = left.prefix(Self.parallelCopies)
            left = left.dropFirst(group.count)
            try await withThrowingTaskGroup(of: (String, String).self) { tasks in
                for bundle in group {
                    // Sweepers know no names of another form.
                    guard let name = BundleName(bundle) else { continue }
                    tasks.addTask {
                        let copy = name.adopted.description
                        try await objects.putOnce(copy, bytes: try await objects.getInPieces(bundle))
                        return (bundle, copy)
                    }
                }
                for try await (bundle, copy) in tasks { copies[bundle] = copy }
            }
        }
        return copies
    }

    /// An epoch that no lease can have had: not every epoch leaves a changeset behind, so those that the store forgot may
    /// lie above all that are known. In steps of 2^20, far more than changes of leader that can be forgotten.
    static func epoch(above known: Epoch) -> Epoch { Epoch(((known.value >> 20) + 1) << 20) }

    /// The lease as it must be, given every changeset of its database that lies in the bucket. Pure.
    ///
    /// The head moves along the chain from where the store has it. Where the chain forks, a changeset of an earlier
    /// epoch was stored and never published before a later epoch began there: the branch that reaches the highest epoch
    /// is the published one.
    static func adopt(_ lease: Lease, _ segments: [Segment]) -> AdoptedLease {
        var followers: [ChainPosition: [Segment]] = [:]
        for segment in segments where segment.entry.kind == .delta && segment.entry.firstSeq > lease.head.seq {
            let entry = segment.entry
            let base = ChainPosition(seq: entry.firstSeq - 1, checksum: entry.previousChecksum)
            // Stored again in another bundle, after the first was refused, it is the same changeset, and any of them will do.
            let isKnown = followers[base]?.contains { $0.entry.endPosition == entry.endPosition && $0.entry.epoch == entry.epoch } ?? false
            if !isKnown { followers[base, default: []].append(segment) }
        }
        // Depth first, without recursion: a forgotten chain may be long.
        var best: (epoch: Epoch, path: [Segment]) = (.zero, [])
        var open: [(position: ChainPosition, depth: Int, via: Segment?)] = [(lease.head, 0, nil)]
        var path: [Segment] = []
        while let (position, depth, via) = open.popLast() {
            path.removeLast(path.count - max(depth - 1, 0))
            if let via { path.append(via) }
            let epoch = via?.entry.epoch ?? .zero
            if let via, (via.entry.epoch, path.count) > (best.epoch, best.path.count) { best = (epoch, path) }
            for next in followers[position] ?? [] where next.entry.epoch >= epoch {
                open.append((next.entry.endPosition, depth + 1, next))
            }
        }
        let highest = segments.map(\.entry.epoch).max() ?? .zero
        return AdoptedLease(
            database: lease.database, epoch: Self.epoch(above: max(lease.epoch, highest)),
            head: best.path.last?.entry.endPosition ?? lease.head, forgotten: best.path)
    }
}
