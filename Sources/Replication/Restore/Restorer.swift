public import Changesets
public import Engines
public import FleetModel
import FleetStore
public import Logging
import Metrics
public import ObjectStores

/// Brings a local copy to a published position: from what is on the disk when that lies on the chain, else from the
/// bucket alone.
public struct Restorer: Sendable {
    private let segments: any SegmentSource
    private let objects: any ObjectStore
    private let parallelReads: Int
    private let parallelBytes: UInt64
    private let budget: ByteBudget
    private let spool: SpoolRule?
    private let blockingWork: BlockingWork
    private let random: RandomSource
    private let logger: Logger
    private let restores = Counter(label: "berth_restores_total")
    private let restoredBytes = Counter(label: "berth_restore_bytes_total")

    /// - Parameters:
    ///   - parallelReads: ranged reads of one restore that are under way at a time.
    ///   - parallelBytes: of changesets that those read together, unless a single one is larger. In memory they may be three times as much for a
    ///     moment: as they are stored, as they are, and as pages.
    ///   - budget: what all restores together may read at a time.
    ///   - spool: which changesets are never in memory whole; without, all are.
    public init(
        segments: any SegmentSource, objects: any ObjectStore, parallelReads: Int = 16, parallelBytes: UInt64 = 32 << 20,
        budget: ByteBudget = ByteBudget(bytes: 128 << 20), spool: SpoolRule? = nil, blockingWork: BlockingWork = .threads,
        random: RandomSource = .system, logger: Logger
    ) {
        self.segments = segments
        self.objects = objects
        invariant(parallelReads > 0, "a restore reads something at a time")
        self.parallelReads = parallelReads
        self.parallelBytes = parallelBytes
        self.budget = budget
        self.spool = spool
        self.blockingWork = blockingWork
        self.random = random
        self.logger = logger
    }

    /// Makes `copy` exactly the published state at `head`, marked clean.
    ///
    /// - Parameter engine: the database's.
    /// - Returns: the identity of the copy: the old one if its files were good, else a new one.
    /// - Throws: `data_corrupt` with the neighbours named when the chain is broken; `bucket_unavailable`,
    ///   `store_unavailable`, `disk_unavailable`. A good copy is never harmed by a bad restore.
    public func bring(
        _ copy: LocalCopy, to head: ChainPosition, by engine: any Engine
    ) async throws(BerthError) -> CopyID {
        if let mark = try copy.mark() {
            if mark.position == head { return mark.copy }
            if try await isOnChain(mark.position, of: copy, before: head) {
                RareBranch.copyExtended.marked()
                try await extend(copy, from: mark.position, to: head, engine)
                try await blockingWork.run { () throws(BerthError) in try copy.markClean(at: head, copy: mark.copy) }
                return mark.copy
            }
            RareBranch.copyReplaced.marked()
            logger.notice(
                "local copy is not on the published chain; restoring it whole",
                metadata: ["database": "\(copy.database)", "copy": "\(mark.position)", "head": "\(head)"])
        }
        try await replace(copy, to: head, engine)
        var random = random
        let id = CopyID.random(using: &random)
        try await blockingWork.run { () throws(BerthError) in try copy.markClean(at: head, copy: id) }
        return id
    }

    /// The published position at `seq`; `nil` when no changeset ends there.
    public func position(of database: DatabaseID, at seq: UInt64) async throws(BerthError) -> ChainPosition? {
        try await segments.checksum(of: database, at: seq).map { ChainPosition(seq: seq, checksum: $0) }
    }

    private func isOnChain(
        _ position: ChainPosition, of copy: LocalCopy, before head: ChainPosition
    ) async throws(BerthError) -> Bool {
        guard position != .origin, position.seq < head.seq else { return false }
        return try await segments.checksum(of: copy.database, at: position.seq) == position.checksum
    }

    /// Adds what was published since to a copy that is clean at `base`.
    private func extend(
        _ copy: LocalCopy, from base: ChainPosition, to head: ChainPosition, _ engine: any Engine
    ) async throws(BerthError) {
        invariant(base.seq < head.seq, "a copy is extended backwards")
        var isMarked = true
        try await read(copy.database, from: base, to: head, engine.profile) { sets throws(BerthError) in
            let marksDirty = isMarked
            isMarked = false
            try await blockingWork.run { () throws(BerthError) in
                if marksDirty { try copy.markDirty() }
                try engine.apply(sets, to: copy.filePath)
            }
        }
    }

    /// Builds the file anew beside the old one and moves it into place.
    private func replace(_ copy: LocalCopy, to head: ChainPosition, _ engine: any Engine) async throws(BerthError) {
        guard head != .origin else { return try await blockingWork.run { () throws(BerthError) in try copy.wipe() } }
        restores.increment()
        let construction = try await blockingWork.run { () throws(BerthError) in
            try copy.markDirty()
            return Construction(try engine.build(at: copy.filePath))
        }
        do throws(BerthError) {
            try await read(copy.database, from: .origin, to: head, engine.profile) { sets throws(BerthError) in
                try await blockingWork.run { () throws(BerthError) in for set in sets { try construction.files.apply(set) } }
            }
            try await blockingWork.run { () throws(BerthError) in try construction.files.finish() }
        } catch {
            construction.files.abandon()
            throw error
        }
    }

    /// Reads the changesets between two positions, in order, a window of them at a time.
    private func read(
        _ database: DatabaseID, from base: ChainPosition, to head: ChainPosition, _ profile: HADBP.Profile,
        apply: ([PageSet]) async throws(BerthError) -> Void
    ) async throws(BerthError) {
        let segments = try await segments.segments(of: database, after: base.seq, through: head.seq)
        var chain = ChainVerifier(from: base)
        do throws(ChainError) {
            for segment in segments { try chain.append(segment.entry) }
            try chain.requireEnd(at: head)
        } catch {
            throw BerthError(
                .dataCorrupt,
                "The published chain of database \(database) is broken: \(error). Nothing was changed; keep the bucket "
                    + "and the lease store as they are and look at the rows of `segments`.")
        }
        var next = 0
        while next < segments.count {
            let (window, bytes) = window(of: segments[next...])
            next = window.endIndex
            try await budget.with(bytes) { () throws(BerthError) in try await apply(try await fetch(window, profile)) }
        }
    }

    /// The first of `segments` that are read together, one at least, and how many bytes of them are in memory.
    private func window(of segments: ArraySlice<Segment>) -> (segments: ArraySlice<Segment>, bytes: UInt64) {
        var bytes: UInt64 = 0
        var reads = 0
        for length in segments.prefix(parallelReads).lazy.map({ bytesInMemory($0.entry) }) {
            let (sum, overflow) = bytes.addingReportingOverflow(length)
            guard reads == 0 || !overflow && sum <= parallelBytes else { break }
            reads += 1
            bytes = sum
        }
        return (segments.prefix(reads), bytes)
    }

    private func bytesInMemory(_ entry: BundleEntry) -> UInt64 {
        let bytes = max(entry.rawLength, entry.storedLength)
        return isSpooled(entry) ? min(bytes, UInt64(Self.piecesInMemory * Self.pieceBytes)) : bytes
    }

    private func isSpooled(_ entry: BundleEntry) -> Bool {
        guard let spool else { return false }
        return max(entry.rawLength, entry.storedLength) > UInt64(spool.memoryBytes)
    }

    /// Of a changeset that is never in memory whole: how much is read at a time, and how often that is in memory.
    private static let pieceBytes = 4 << 20
    private static let piecesInMemory = 3

    private func fetch(_ window: ArraySlice<Segment>, _ profile: HADBP.Profile) async throws(BerthError) -> [PageSet] {
        do {
            return try await withThrowingTaskGroup(of: (Int, PageSet).self) { group in
                for (index, segment) in window.enumerated() {
                    group.addTask { (index, try await pages(of: segment, profile)) }
                }
                var sets = [PageSet?](repeating: nil, count: window.count)
                for try await (index, set) in group { sets[index] = set }
                let complete = sets.compactMap { $0 }
                invariant(complete.count == window.count, "a changeset of a restore is left out")
                return complete
            }
        } catch let error as BerthError { throw error } catch {
            throw BerthError(.bucketUnavailable, "The bucket did not answer a restore: \(error)")
        }
    }

    private func pages(of segment: Segment, _ profile: HADBP.Profile) async throws -> PageSet {
        guard let range = segment.entry.storedRange, !range.isEmpty, let end = Int64(exactly: range.upperBound) else {
            throw Self.corrupt(
                segment, "no object has \(segment.entry.storedLength) bytes at \(segment.entry.offset), as its row says")
        }
        let stored = end - Int64(range.count)..<end
        if let spool, isSpooled(segment.entry) { return try await spooledPages(of: segment, in: stored, profile, spool.folder) }
        return try await pages(of: segment, from: try await read(stored, of: segment), profile)
    }

    private func pages(of segment: Segment, from stored: [UInt8], _ profile: HADBP.Profile) async throws -> PageSet {
        do {
            // Hashing and decompressing a large changeset takes seconds, on no thread that tasks share.
            let pages = try await blockingWork.run { try segment.entry.changeset(from: stored[...], profile: profile).pages }
            restoredBytes.increment(by: stored.count)
            return pages
        } catch { throw Self.corrupt(segment, "\(error)") }
    }

    /// The pages of a large changeset, in a file: a piece is read while the one before it is written.
    private func spooledPages(
        of segment: Segment, in stored: Range<Int64>, _ profile: HADBP.Profile, _ folder: SpoolFolder
    ) async throws -> PageSet {
        let pieces = stride(from: stored.lowerBound, to: stored.upperBound, by: Self.pieceBytes).map { start in
            start..<min(start + Int64(Self.pieceBytes), stored.upperBound)
        }
        do {
            let arrival = try await blockingWork.run { () throws(BundleError) in try Arrival(segment.entry, in: folder) }
            var piece = try await read(pieces[0], of: segment)
            for next in pieces.dropFirst() {
                async let following = read(next, of: segment)
                let present = piece
                try await blockingWork.run { () throws(BundleError) in try arrival.append(present) }
                piece = try await following
            }
            let last = piece
            let pages = try await blockingWork.run { () throws(BundleError) in
                try arrival.append(last)
                return try arrival.finish(profile)
            }
            restoredBytes.increment(by: stored.count)
            return pages
        } catch let error as BundleError {
            // The disk's fault is not the object's.
            if let failure = error.fileFailure { throw failure.berthError }
            throw Self.corrupt(segment, "\(error)")
        }
    }

    private func read(_ range: Range<Int64>, of segment: Segment) async throws -> [UInt8] {
        do {
            return try await objects.get(segment.bundle, range: range)
        } catch ObjectStoreError.notFound {
            throw BerthError(
                .dataCorrupt,
                "Object \(segment.bundle) is missing from the bucket; it holds \(Self.name(segment)). Check that the bucket is "
                    + "the fleet's and whether anything else deletes from it.")
        } catch let cut as ObjectStoreError {
            guard case .truncated = cut else { throw cut }
            // Either the answer was cut off on its way, or there is no more: the store knows the length.
            guard let size = try await objects.size(segment.bundle), size < range.upperBound else { throw cut }
            let place = segment.entry.storedRange.map { "\($0)" } ?? ""
            throw Self.corrupt(segment, "the object ends after \(size) bytes; this changeset lies at \(place)")
        }
    }

    private static func corrupt(_ segment: Segment, _ reason: String) -> BerthError {
        BerthError(.dataCorrupt, "Object \(segment.bundle), \(name(segment)): \(reason)")
    }

    private static func name(_ segment: Segment) -> String {
        "changeset \(segment.entry.lastSeq) of database \(segment.entry.database)"
    }
}

/// A large changeset that is read piece by piece.
///
/// `@unchecked Sendable`: used by one restore, which awaits each piece of work before it begins the next.
private final class Arrival: @unchecked Sendable {
    private var reader: StoredChangesetReader?

    init(_ entry: BundleEntry, in folder: SpoolFolder) throws(BundleError) { reader = try StoredChangesetReader(entry, in: folder) }

    func append(_ piece: [UInt8]) throws(BundleError) { try reader?.append(piece) }

    func finish(_ profile: HADBP.Profile) throws(BundleError) -> PageSet {
        guard let reader = reader.take() else { brokenInvariant("a changeset is finished twice") }
        return try reader.finish(profile: profile).pages
    }
}

/// The files one restore builds.
///
/// `@unchecked Sendable`: used by one restore, which awaits each piece of work before it begins the next.
private final class Construction: @unchecked Sendable {
    let files: any EngineFileBuilder
    init(_ files: any EngineFileBuilder) { self.files = files }
}
