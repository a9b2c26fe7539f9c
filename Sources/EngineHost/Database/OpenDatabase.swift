import Engines
import FleetModel
import Hrana
import Logging
import Synchronization

/// A database that is open in this process: its streams, its writer, the requests it carries out, and the capture of what they commit.
///
/// An actor on a lane of the engine pool: everything about one database happens one after the other, on a thread made for blocking. What is
/// awaited in between is named where it happens, and the state is looked at anew afterwards. Whether its answers may be given is decided by
/// whoever owns it, from their ``Basis``.
actor OpenDatabase: HostedDatabase, Expiring {
    enum State {
        case open(any EngineDatabase)
        /// What is told to those who still ask.
        case closed(BerthError)
    }

    nonisolated let opening: DatabaseOpening
    nonisolated let host: HostEnvironment
    nonisolated let engine: any Engine
    nonisolated let owner: any DatabaseOwner
    /// Of the engine pool: the time of its lane, and of those who read beside it.
    nonisolated let account: UInt64
    nonisolated let lane: EngineLane
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    let copy: LocalCopy
    let logger: Logger
    private(set) var state: State

    // Requests
    /// Those that hold something, or are being used.
    var streams: [UInt64: HranaStream] = [:]
    /// Those that hold nothing: kept so that their batons are good once, and forgotten whenever that is convenient.
    var restingStreams = RestingStreams()
    var nextStreamID: UInt64 = 1
    /// Answers that are sent while they are made, until they were taken to their end.
    var cursors: [UInt64: CursorRun] = [:]
    var nextCursorID: UInt64 = 1
    var turn = WriteTurn()
    nonisolated let inbox = GroupInbox()
    /// How many of the next groups give each member a savepoint, because members have failed.
    var groupsWithSavepoints = 0
    var requestsUnderWay = 0
    /// Those beside the writer; `nil` where everything is carried out by it.
    nonisolated let reads: Reads?
    /// New work is sent elsewhere; what is under way may finish.
    var isDraining = false
    /// When transactions still open are ended, while draining.
    var drainDeadline: Duration?
    var drainIsOver = false
    var quietWaiters = Waiters()

    // Capture
    /// Commits are numbered, so that an answer can say which it may show.
    nonisolated let commits: CommitCount
    var marks: CaptureMarks
    /// Since when somebody has been waiting to cut.
    nonisolated let cutAsked = Mutex<Duration?>(nil)
    /// Writes that let a cut go first.
    var cutWaiters = Waiters()
    /// Something was captured and never shipped: the next capture has everything.
    var mustCaptureAll = false
    /// A checkpoint failed: the next one is not tried before.
    var nextFold = Duration.zero
    /// The log, when a checkpoint has left something in it.
    var heldLog = HeldLog()
    /// Streams that were ended because of it, the last ones: their clients are told so.
    var endedReads: [UInt64] = []
    /// Descriptors that are counted as this database's.
    var descriptors: Int

    /// - Parameter descriptors: those counted for it already.
    init(
        _ database: any EngineDatabase, of engine: any Engine, _ opening: DatabaseOpening, marks: CaptureMarks, descriptors: Int,
        owner: any DatabaseOwner, in host: HostEnvironment
    ) {
        self.opening = opening
        self.host = host
        self.engine = engine
        self.owner = owner
        self.descriptors = descriptors
        self.marks = marks
        account = host.pool.makeAccount()
        lane = host.pool.makeLane(of: account)
        copy = LocalCopy(database: opening.database, in: opening.directory)
        commits = CommitCount(after: opening.commit, mark: database.commitMark, owner: owner)
        reads = host.settings.readers > 0 ? database.readers.map { Reads($0, in: host) } : nil
        state = .open(database)
        var logger = host.logger
        logger[metadataKey: "database"] = "\(opening.name)"
        self.logger = logger
    }

    var epoch: Epoch { marks.epoch }

    /// Open, and work may begin.
    var isServing: Bool {
        guard case .open = state else { return false }
        return host.isGateOpen()
    }

    /// A write transaction ended: there may be something to ship.
    func noteCommit() { commits.add { commitMark } }

    /// Of the files as they are.
    var commitMark: UInt64 {
        guard case .open(let database) = state else { return 0 }
        return database.commitMark
    }

    // MARK: What can expire

    var needsAttention: Bool { !streams.isEmpty || turn.hasWaiters || owesCheckpoint }

    func expire() -> Bool {
        let now = host.clock.now()
        turn.expire(at: now)
        retryOwedCheckpoint()
        endHeldReads()
        for stream in streams.values where stream.isWaitingForClient {
            let isWaitedFor = isDraining || turn.owner == stream.id && turn.hasWaiters
            let patience = stream.cursor == nil ? host.settings.streamTimeout : host.settings.cursorTimeout
            let limit = isWaitedFor ? min(patience, host.settings.idleTransactionTimeout) : patience
            if now - stream.lastUse >= limit { close(stream) }
        }
        resumeQuietWaitersIfQuiet()
        return needsAttention
    }

    // MARK: Closing

    func closeIfAtRest(head: ChainPosition) -> Closing? {
        guard case .open = state, requestsUnderWay == 0, streams.isEmpty, inbox.isEmpty, !isDraining, foldForClosing(head: head) == .folded else { return nil }
        // Last: from then on reads are told that it is closed.
        guard reads?.closeIfIdle(because: closedIdle) ?? true else { return nil }
        return close(clean: true, because: closedIdle)
    }

    func close(clean: Bool, because reason: BerthError) -> Closing {
        guard case .open(let database) = state else { return .dirty }
        reads?.close(because: reason)
        for stream in streams.values { close(stream) }
        restingStreams.removeAll()
        let outcome = closeFiles(of: database, clean: clean)
        state = .closed(reason)
        host.open.remove(self)
        countFiles(of: nil)
        reads?.countFiles()
        turn.refuseAll()
        quietWaiters.resumeAll()
        cutWaiters.resumeAll()
        return outcome
    }

    /// As its host ends.
    func lose(because reason: String) {
        guard case .open = state else { return }
        _ = close(
            clean: false,
            because: BerthError(.leaderUnavailable, "The process that had “\(opening.name)” open ended: \(reason). Another one takes its place."))
        owner.hostLost(reason)
    }

    private func closeFiles(of database: any EngineDatabase, clean: Bool) -> Closing {
        guard clean else {
            database.close()
            return .dirty
        }
        do throws(CaptureError) {
            try host.upkeep(of: opening.database, at: copy.filePath, by: engine) { () throws(CaptureError) in try database.closeClean() }
            return .clean
        } catch {
            // The next opening restores the copy, or goes on with it as after a crash.
            logger.warning("local copy not kept", metadata: ["error": "\(error)"])
            database.close()
            return .dirty
        }
    }

    private var closedIdle: BerthError { BerthError(.leaderUnavailable, "“\(opening.name)” was closed, unused. Nothing was executed.") }

    func discard(stream: UInt64?, cursor: UInt64?) {
        if let cursor { cutOffCursor(cursor) }
        if let stream, let found = streams[stream] ?? restingStreams[stream] { close(found) }
    }
}
