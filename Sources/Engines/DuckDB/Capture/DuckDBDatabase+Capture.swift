public import Changesets
import FleetModel

extension DuckDBDatabase {
    /// What was committed since the last capture, by any connection; `nil` when that is nothing.
    ///
    /// Advances: the caller keeps what it gets until it is shipped. Reads 8 bytes per block and then what changed. Blocks, both
    /// headers and the WAL are one set: a large insert writes blocks first and then a WAL entry that refers to them, so that
    /// neither is of use alone. It runs between statements, when nothing of DuckDB's writes but a checkpoint that a reader asked for. On an error nothing is
    /// advanced.
    public func capture(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges? {
        guard let captured else { return try captureAll(spool: spool) }
        let state = try state()
        invariant(state.mainPages >= DuckDBFiles.headerPages, "a state without headers")
        if state.hasSameCommits(as: captured) { return nil }
        let (pages, torn) = try reader.pages(of: state, since: captured.forgetting(tornBlocks), spool)
        note(captured: state, torn)
        return CapturedChanges(pages: pages, isFull: false)
    }

    /// Every page of both files; later captures continue from it.
    public func captureAll(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges {
        let state = try state()
        let (pages, torn) = try reader.pages(of: state, since: nil, spool)
        note(captured: state, torn)
        return CapturedChanges(pages: pages, isFull: true)
    }

    /// - Throws: ``CaptureError/changedMeanwhile(path:)`` while a checkpoint is under way, which a client that reads may have asked for: what is committed
    ///   until its end is in another log.
    private func state() throws(CaptureError) -> DuckDBState {
        let state = try reader.state(digestsWAL: walMayBeTorn), isCheckpointing: Bool
        do throws(FileFailure) { isCheckpointing = try FileSystem.size(files.checkpointLog) != nil } catch { throw .file(error) }
        guard !isCheckpointing, try reader.headers() == state.headers else { throw .changedMeanwhile(path: path) }
        return state
    }

    private func note(captured state: DuckDBState, _ torn: Set<Int>) {
        walDigest = digest(of: state)
        tornBlocks = torn
        captured = state
        // The next one begins with its first byte.
        if state.walBytes == 0 { walMayBeTorn = false }
    }

    /// Reads what is new of the WAL once more, at most.
    private func digest(of state: DuckDBState) -> UInt64? {
        if let digest = state.walDigest { return digest }
        if let captured, let walDigest, state.walContinues(captured) {
            return try? reader.walDigest(captured.walBytes..<state.walBytes, after: walDigest)
        }
        return try? reader.walDigest(0..<state.walBytes)
    }

    /// Every commit is in the WAL, if only as a reference to blocks.
    public var commitMark: UInt64 { marks.mark(files.loggedBytes) }

    public var nextCaptureIsFull: Bool { captured == nil }

    /// Moves the WAL into the main file when it is larger than `bytes`, or may be torn, unless a transaction or a cursor is open. Only what is captured:
    /// the blocks it writes are in the next capture.
    ///
    /// - Throws: ``CaptureError/uncaptured(path:)`` when there are commits to capture first.
    public func checkpoint(above bytes: Int) throws(CaptureError) {
        // A database that refuses everything is opened anew for the next request; the WAL can wait until then.
        guard try walBytes() >= (walMayBeTorn ? 1 : max(1, bytes)), !health.isInvalid else { return }
        guard try !hasUncaptured() else { throw .uncaptured(path: path) }
        do throws(SQLError) { _ = try checkpointIfIdle() } catch { throw .engine(error) }
    }

    /// Also when its size cannot be asked for: then it is not known to be empty.
    public var hasLogToReplay: Bool { (try? walBytes()) != 0 }

    public var isAsCaptured: Bool {
        guard !health.isInvalid else { return false }
        // Nothing was ever committed to it, or it is captured whole next time anyway.
        guard let captured else { return true }
        return (try? state().hasSameCommits(as: captured)) ?? false
    }

    public var owesCheckpoint: Bool { health.owesCheckpoint }

    /// A capture finds what a checkpoint wrote by the blocks and headers that changed, so it need not come first.
    public func foldLog() throws(CaptureError) {
        do throws(SQLError) { if health.isInvalid { try reopen() } } catch { throw .engine(error) }
        do throws(SQLError) { if try checkpointIfIdle() { health.owesCheckpoint = false } } catch { throw .engine(error) }
    }

    /// Bytes of the WAL on disk; decides when to checkpoint.
    public func walBytes() throws(CaptureError) -> Int {
        do throws(FileFailure) { return try FileSystem.size(files.wal) ?? 0 } catch { throw .file(error) }
    }

    /// Closes so that the main file and the WAL together are what was captured, without a checkpoint.
    ///
    /// When the disk fails after the closing, it throws although it is closed: the files are not clean then.
    public func closeClean() throws(CaptureError) {
        for connection in connections {
            connection.endOpenWork()
            do throws(SQLError) { try connection.rollback() } catch { throw .engine(error) }
        }
        readers?.shut()
        // Those who go on with what is not closed may read on.
        var isClosed = false
        defer { if !isClosed { readers?.open() } }
        // What DuckDB refuses to go on with is not what was captured, whatever the files say.
        guard !health.isInvalid, try !hasUncaptured(), let captured else { throw .uncaptured(path: path) }
        close()
        isClosed = true
        let found = try state()
        // Closing commits nothing and checkpoints nothing: these are the blocks of what was rolled back.
        guard found.hasSameCommits(as: captured) else { throw .changedMeanwhile(path: path) }
        do throws(FileFailure) { try captured.sweep(path, found: found) } catch { throw .file(error) }
    }

    private func hasUncaptured() throws(CaptureError) -> Bool {
        guard let captured else { return true }
        return try !state().hasSameCommits(as: captured)
    }
}
