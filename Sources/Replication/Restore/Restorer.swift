import Changesets
import Dispatch
import Engines
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
    private let logger: Logger
    private let restores = Counter(label: "berth_restores_total")
    private let restoredBytes = Counter(label: "berth_restore_bytes_total")
    /// Writing pages blocks; it happens on these threads, not on Swift's own.
    private static let files = DispatchQueue(label: "berth.restore", attributes: .concurrent)

    /// - Parameter parallelReads: ranged reads of one restore that are under way at a time.
    public init(segments: any SegmentSource, objects: any ObjectStore, parallelReads: Int = 16, logger: Logger) {
        self.segments = segments
        self.objects = objects
        self.parallelReads = parallelReads
        self.logger = logger
    }

    /// Makes `copy` exactly the published state at `head`, marked clean.
    ///
    /// - Returns: the identity of the copy: the old one if its files were good, else a new one.
    /// - Throws: `data_corrupt` with the neighbours named when the chain is broken; `bucket_unavailable`,
    ///   `store_unavailable`, `disk_unavailable`. A good copy is never harmed by a bad restore.
    public func bring(_ copy: LocalCopy, to head: ChainPosition) async throws(BerthError) -> CopyID {
        if let mark = copy.mark() {
            if mark.position == head { return mark.copy }
            if try await isOnChain(mark.position, of: copy, before: head) {
                try await extend(copy, from: mark.position, to: head)
                try copy.markClean(at: head, copy: mark.copy)
                return mark.copy
            }
            logger.notice(
                "local copy is not on the published chain; restoring it whole",
                metadata: ["database": "\(copy.database)", "copy": "\(mark.position)", "head": "\(head)"])
        }
        try await replace(copy, to: head)
        let id = CopyID.random()
        try copy.markClean(at: head, copy: id)
        return id
    }

    private func isOnChain(
        _ position: ChainPosition, of copy: LocalCopy, before head: ChainPosition
    ) async throws(BerthError) -> Bool {
        guard position != .origin, position.seq < head.seq else { return false }
        return try await segments.checksum(of: copy.database, at: position.seq) == position.checksum
    }

    /// Adds what was published since to a copy that is clean at `base`.
    private func extend(_ copy: LocalCopy, from base: ChainPosition, to head: ChainPosition) async throws(BerthError) {
        var isMarked = true
        try await read(copy.database, from: base, to: head) { sets throws(BerthError) in
            if isMarked { try copy.markDirty() }
            isMarked = false
            try await onFiles { () throws(BerthError) in try SQLiteFile.applyInPlace(sets, to: copy.filePath) }
        }
    }

    /// Builds the file anew beside the old one and moves it into place.
    private func replace(_ copy: LocalCopy, to head: ChainPosition) async throws(BerthError) {
        guard head != .origin else { return try copy.wipe() }
        try copy.markDirty()
        restores.increment()
        let writer = FileUnderConstruction(try SQLiteFileWriter(target: copy.filePath))
        do throws(BerthError) {
            try await read(copy.database, from: .origin, to: head) { sets throws(BerthError) in
                try await onFiles { () throws(BerthError) in for set in sets { try writer.file.apply(set) } }
            }
            try await onFiles { () throws(BerthError) in try writer.file.finish() }
        } catch {
            writer.file.abandon()
            throw error
        }
    }

    /// Reads the changesets between two positions, in order, a window of them at a time.
    private func read(
        _ database: DatabaseID, from base: ChainPosition, to head: ChainPosition,
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
            let window = segments[next..<min(next + parallelReads, segments.count)]
            next = window.endIndex
            try await apply(try await fetch(window))
        }
    }

    private func fetch(_ window: ArraySlice<Segment>) async throws(BerthError) -> [PageSet] {
        do {
            return try await withThrowingTaskGroup(of: (Int, PageSet).self) { group in
                for (index, segment) in window.enumerated() {
                    group.addTask { (index, try await pages(of: segment)) }
                }
                var sets = [PageSet?](repeating: nil, count: window.count)
                for try await (index, set) in group { sets[index] = set }
                return sets.compactMap { $0 }
            }
        } catch let error as BerthError { throw error } catch {
            throw BerthError(.bucketUnavailable, "The bucket did not answer a restore: \(error)")
        }
    }

    private func pages(of segment: Segment) async throws -> PageSet {
        let entry = segment.entry
        let range = Int64(entry.offset)..<Int64(entry.offset + entry.storedLength)
        let stored: [UInt8]
        do { stored = try await objects.get(segment.bundle, range: range) } catch ObjectStoreError.notFound {
            throw BerthError(
                .dataCorrupt,
                "Object \(segment.bundle) is missing from the bucket; it holds changeset \(entry.lastSeq) of database "
                    + "\(entry.database). Check that the bucket is the fleet's and whether anything else deletes from it.")
        }
        do {
            let changeset = try entry.changeset(from: stored[...], profile: .sqlite)
            restoredBytes.increment(by: stored.count)
            return changeset.pages
        } catch {
            throw BerthError(
                .dataCorrupt, "Object \(segment.bundle), changeset \(entry.lastSeq) of database \(entry.database): \(error)")
        }
    }

    private func onFiles(_ body: @escaping @Sendable () throws(BerthError) -> Void) async throws(BerthError) {
        let result: Result<Void, BerthError> = await withCheckedContinuation { continuation in
            Self.files.async {
                do throws(BerthError) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        try result.get()
    }
}

/// The writer of one restore.
///
/// `@unchecked Sendable`: used by one restore, which awaits each piece of work before it begins the next.
private final class FileUnderConstruction: @unchecked Sendable {
    let file: SQLiteFileWriter
    init(_ file: SQLiteFileWriter) { self.file = file }
}
