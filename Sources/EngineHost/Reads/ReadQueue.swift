import DequeModule
import FleetModel

/// Who reads beside the writer of a database, who waits to, and whether anybody may: a value without I/O.
struct ReadQueue<Job> {
    enum Door {
        case open
        /// New reads are sent elsewhere; those that were taken in go on.
        case draining
        /// What is told to those who still ask.
        case closed(BerthError)
    }

    enum Entry {
        /// A worker is to begin with the job.
        case begin(Job)
        /// Some worker comes to it.
        case waits
        case draining
        case closed(BerthError)
    }

    /// Reads at a time.
    let workers: Int
    private(set) var door = Door.open
    /// Workers that are at a job, or about to take one.
    private(set) var active = 0
    private var waiting = Deque<Job>()

    init(workers: Int) {
        invariant(workers > 0, "nobody reads, and everybody would wait for ever")
        self.workers = workers
    }

    var isIdle: Bool { active == 0 && waiting.isEmpty }
    var waitingJobs: Int { waiting.count }

    /// - Parameter isUnderWay: part of a request that was taken in before.
    mutating func enter(_ job: Job, isUnderWay: Bool) -> Entry {
        switch door {
        case .closed(let reason): return .closed(reason)
        case .draining where !isUnderWay: return .draining
        case .open, .draining: break
        }
        if active < workers {
            invariant(waiting.isEmpty, "a read waits although a worker is free")
            active += 1
            return .begin(job)
        }
        waiting.append(job)
        return .waits
    }

    /// For a worker that has ended its job.
    mutating func takeWaiting() -> Job? { waiting.popFirst() }

    /// - Returns: the next job of a worker; `nil` when it is to rest.
    mutating func next() -> Job? {
        invariant(active > 0, "more workers rest than were at work")
        if let job = takeWaiting() { return job }
        active -= 1
        return nil
    }

    /// Of those that wait, takes out some, in their order: they are not carried out any more.
    mutating func withdraw(where isWithdrawn: (Job) -> Bool) -> [Job] {
        let withdrawn = waiting.filter(isWithdrawn)
        if !withdrawn.isEmpty { waiting.removeAll(where: isWithdrawn) }
        return Array(withdrawn)
    }

    /// - Returns: those that wait, which are not carried out any more.
    mutating func close(because reason: BerthError) -> [Job] {
        door = .closed(reason)
        return withdraw { _ in true }
    }

    /// - Returns: whether it is closed, as nobody reads or waits.
    mutating func closeIfIdle(because reason: BerthError) -> Bool {
        guard isIdle, case .open = door else { return false }
        door = .closed(reason)
        return true
    }

    mutating func setDraining(_ isDraining: Bool) {
        if case .closed = door { return }
        door = isDraining ? .draining : .open
    }
}
