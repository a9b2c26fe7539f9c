import Engines
import FleetModel
import Synchronization

/// Reads of one database beside its writer, each on a thread of the pool. Nothing of it is on the database's lane.
final class Reads: Sendable, Expiring {
    /// Who carries a read out.
    enum Place {
        case reader(EngineReader)
        /// On a reader that the job has brought.
        case own
        /// There is no connection for it: it is carried out by the writer.
        case writer
        /// Nothing of it is carried out. Its request may have ended before its turn (``RequestEnd/check()``).
        case withdrawn
    }

    struct Job: Sendable {
        enum Need {
            /// Used while it is carried out.
            case reader
            /// Kept by the job, which gives it back sometime.
            case readerToKeep
            /// It has its own.
            case nothing
        }

        let end: RequestEnd
        var need = Need.reader
        /// Answers what resumes its client.
        let carryOut: @Sendable (Place) -> @Sendable () -> Void
    }

    private struct State {
        var queue: ReadQueue<Job>
        var lastNumber: UInt64 = 0
        /// Requests that are being carried out: how to end them.
        var running: [UInt64: RequestEnd] = [:]
        /// Descriptors that are counted as theirs.
        var descriptors = 0
        /// ``AttentionSet`` looks at them: somebody waits, or connections are open that nobody may come back to.
        var isWatched = false
        /// Somebody has read to the end since it was last looked.
        var wasUsed = false
        /// The first look since when nobody has.
        var unusedSince = Duration.zero

        /// - Returns: whether they are to be watched from now on.
        mutating func beginWatch() -> Bool {
            defer { isWatched = true }
            return !isWatched
        }
    }

    private let readers: EngineReaders
    private let host: HostEnvironment
    private let state: Mutex<State>

    init(_ readers: EngineReaders, in host: HostEnvironment) {
        self.readers = readers
        self.host = host
        state = Mutex(State(queue: ReadQueue(workers: host.settings.readers)))
    }

    var isIdle: Bool { state.withLock { $0.queue.isIdle } }

    // MARK: Reading

    /// Has `job` carried out, soon.
    ///
    /// - Parameter isUnderWay: part of a request that was taken in before.
    /// - Returns: `nil` when it is going to be; else why it is not.
    func enter(_ job: Job, isUnderWay: Bool = false, for database: OpenDatabase) -> ReadQueue<Job>.Entry? {
        let entry = state.withLock { $0.queue.enter(job, isUnderWay: isUnderWay) }
        switch entry {
        case .begin(let first):
            let worker = Worker(host.pool.makeLane(of: database.account))
            // From where this is called to the worker's thread, by way of no other.
            Task.immediate { await worker.work { self.work(from: first, for: database) } }
            return nil
        case .waits:
            // Its time may end before its turn comes.
            if state.withLock({ $0.beginWatch() }) { host.attention.insert(self) }
            // It left before there was anything to withdraw.
            if job.end.isStopped { withdraw(job.end) }
            return nil
        case .draining, .closed: return entry
        }
    }

    /// Runs on a lane of its own, which waits for a thread, and for no other read.
    private actor Worker {
        private let lane: EngineLane
        nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

        init(_ lane: EngineLane) { self.lane = lane }

        func work(_ body: @Sendable () -> Void) { body() }
    }

    /// Carries out one job after the other, until none waits.
    private func work(from first: Job, for database: OpenDatabase) {
        var job = first
        var reader: EngineReader?
        while true {
            let number = state.withLock { state in
                state.lastNumber += 1
                state.running[state.lastNumber] = job.end
                return state.lastNumber
            }
            let place: Place
            if job.need == .nothing {
                place = .own
            } else {
                if reader?.isOpen != true { reader = takeReader() }
                place = reader.map { .reader($0) } ?? .writer
            }
            let answer = job.carryOut(place)
            if job.need == .readerToKeep { reader = nil }
            var next = state.withLock { state in
                state.running[number] = nil
                return state.queue.takeWaiting()
            }
            if next != nil, let served = reader, !served.becomeReady() {
                served.giveBack()
                reader = nil
            } else if next == nil {
                // Before its client comes with the next one, which would need another one meanwhile.
                reader?.giveBack()
                reader = nil
                countFiles()
                let isNew: Bool
                (next, isNew) = state.withLock { state in
                    state.wasUsed = true
                    return (state.queue.next(), state.beginWatch())
                }
                if isNew { host.attention.insert(self) }
            }
            answer()
            guard let next else { break }
            job = next
        }
        database.readsEnded()
    }

    private func takeReader() -> EngineReader? {
        let wanted = readers.descriptorsOfNext
        // Where there is no room, the writer does with what it has; nobody is closed for a reader.
        guard wanted == 0 || host.files.take(wanted) else { return nil }
        state.withLock { $0.descriptors += wanted }
        defer { countFiles() }
        // Why it cannot be opened, the writer finds out as well, and sees to it.
        return (try? readers.take()) ?? nil
    }

    /// What is open has changed: it is counted once more.
    func countFiles() {
        state.withLock { state in
            let present = readers.descriptors
            guard present != state.descriptors else { return }
            host.files.settle(from: state.descriptors, to: present)
            state.descriptors = present
        }
    }

    // MARK: The end

    func setDraining(_ isDraining: Bool) { state.withLock { $0.queue.setDraining(isDraining) } }

    /// Its client has left, before its turn.
    func withdraw(_ end: RequestEnd) { withdraw { $0.end === end } }

    /// Withdraws those whose time is over, and closes connections that nobody has used for some time.
    func expire() -> Bool {
        let now = host.now
        withdraw { $0.end.deadline <= now }
        guard state.withLock({ endsWatch(&$0) }) else { return true }
        readers.closeIdle()
        countFiles()
        return false
    }

    var needsAttention: Bool { state.withLock { $0.isWatched } }

    private func endsWatch(_ state: inout State) -> Bool {
        if case .closed = state.queue.door {
            // With its files, the readers were closed.
        } else {
            let now = host.clock.now()
            if state.wasUsed {
                state.wasUsed = false
                state.unusedSince = now
            }
            guard state.queue.waitingJobs == 0, now - state.unusedSince >= host.settings.readerIdleTimeout else { return false }
        }
        state.isWatched = false
        return true
    }

    private func withdraw(where isWithdrawn: @Sendable (Job) -> Bool) {
        for job in state.withLock({ $0.queue.withdraw(where: isWithdrawn) }) { job.carryOut(.withdrawn)() }
    }

    /// Ends what is being read, and what waits: its clients ask elsewhere.
    func interrupt() {
        withdraw { _ in true }
        for end in state.withLock({ $0.running.values.map(\.self) }) { end.stop() }
    }

    /// Nothing is read any more; what is being read is interrupted when its files are closed.
    func close(because reason: BerthError) {
        for job in state.withLock({ $0.queue.close(because: reason) }) { job.carryOut(.withdrawn)() }
    }

    func closeIfIdle(because reason: BerthError) -> Bool { state.withLock { $0.queue.closeIfIdle(because: reason) } }

    var door: ReadQueue<Job>.Door { state.withLock { $0.queue.door } }
}
