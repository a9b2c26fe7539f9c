import Chaos
import EngineHost
import Engines
import FleetModel
import Foundation

/// A host of the simulation: what a host consists of, in a life of its own.
final class SimulatedHost: HostBody, @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    let number: Int
    let life: Life
    private let machine: SimulatedMachine
    private let configuration: HostConfiguration
    private let board: ExecutionBoard
    private let clock: SimulatedClock
    private var core: HostCore?
    private var receiver: FrameReceiver?
    private var ended: (@Sendable (HostEnd) -> Void)?
    private var isHungUp = false
    /// Bytes that nothing in it is using.
    var bloat: Int64 = 0
    /// Since when a statement takes memory, in the simulation's time, and how many bytes a second.
    private var hunger: (since: Duration, rate: Int64)?

    private static let restingBytes: Int64 = 128 << 20
    private static let delay = Duration.microseconds(20)

    init(_ number: Int, _ configuration: HostConfiguration, _ board: ExecutionBoard, on machine: SimulatedMachine) {
        self.number = number
        self.machine = machine
        self.configuration = configuration
        self.board = board
        life = Life("\(machine.node.name)/host-\(number)")
        clock = SimulatedClock(scheduler: machine.fleet.scheduler, life: life, offset: machine.clock.offset, rate: machine.clock.rate)
    }

    private var scheduler: Scheduler { machine.fleet.scheduler }

    /// Something is open in it.
    var isUsed: Bool { core?.openDatabases ?? 0 > 0 }

    // MARK: What its node sees

    var pid: Int32? { life.isDead || life.isEnding ? nil : Int32(number) }

    var residentBytes: Int64? {
        let eaten = hunger.map { Int64((scheduler.now - $0.since).seconds * Double($0.rate)) } ?? 0
        return life.isDead ? nil : Self.restingBytes + bloat + eaten
    }

    func start(_ receiver: @escaping FrameReceiver, ended: @escaping @Sendable (HostEnd) -> Void) {
        self.receiver = receiver
        self.ended = ended
        machine.began(self)
        scheduler.after(scheduler.chance.duration(in: .milliseconds(1) ... .milliseconds(30)), on: life) { [self] in begin() }
    }

    func send(_ write: (inout FrameWriter) -> Void) {
        guard !isHungUp else { return }
        let frame = FramePipe.bytes(write)
        scheduler.after(Self.delay, on: life) { [self] in
            // Before it has begun only its configuration comes, which it has.
            guard let core, !life.isEnding else { return }
            do throws(FrameError) {
                try FramePipe.receive(frame) { kind, number, fields throws(FrameError) in try core.receive(kind, number, &fields) }
            } catch { die(.status(HostExit.misunderstood << 8)) }
        }
    }

    /// A host whose node has hung up ends.
    func end() {
        guard !isHungUp else { return }
        isHungUp = true
        scheduler.after(Self.delay, on: scheduler.harness) { [self] in die(.status(0)) }
    }

    func kill() -> Bool {
        guard pid != nil else { return false }
        die(.status(SIGKILL))
        return true
    }

    // MARK: Its life

    private func begin() {
        guard !life.isEnding else { return }
        let scheduler = scheduler
        let enqueue: @Sendable (@escaping @Sendable () -> Void) -> Void = { work in scheduler.enqueue(work) }
        try? FileManager.default.createDirectory(atPath: configuration.spool, withIntermediateDirectories: true)
        let core = HostCore(
            configuration, engines: machine.fleet.engines, board: board, channel: ToNode(self), pool: EnginePool(turns: enqueue),
            blocking: BlockingWork(enqueue: enqueue), clock: clock, around: { Hard($0, self) }, logger: machine.fleet.logger(life.name))
        self.core = core
        scheduler.start(on: life) { await core.run() }
        scheduler.start(on: life) { [self] in
            var overdue = OverdueWorks(configuration.limits)
            while true {
                try? await clock.sleep(for: configuration.limits.watchdogInterval)
                if core.look(&overdue) { return die(.status(HostExit.watchdog << 8)) }
            }
        }
        core.begin()
    }

    /// Nothing of it is heard any more. What it has open is left as it is; then its node learns of it.
    func die(_ end: HostEnd) {
        guard !life.isEnding, !life.isDead else { return }
        life.isEnding = true
        life.standsStillUntil = scheduler.now
        machine.ended(self)
        let scheduler = scheduler
        scheduler.start(on: life) { [self] in
            while let core, !(await core.closeAll()) { try? await clock.sleep(for: .milliseconds(1)) }
            scheduler.after(.zero, on: machine.node) { [self] in ended?(end) }
            scheduler.kill(life)
        }
    }

    private final class ToNode: FrameSending, @unchecked Sendable {
        // `@unchecked Sendable`: confined to the one thread the simulation runs on.
        private unowned let host: SimulatedHost

        init(_ host: SimulatedHost) { self.host = host }

        func send(_ write: (inout FrameWriter) -> Void) {
            guard !host.life.isEnding else { return }
            let frame = FramePipe.bytes(write), host = host
            host.scheduler.after(SimulatedHost.delay, on: host.machine.node) {
                guard !host.life.isEnding, let receiver = host.receiver else { return }
                do throws(FrameError) { try FramePipe.receive(frame, by: receiver) } catch { host.die(.misspoke(error.description)) }
            }
        }

        func end() { host.die(.status(0)) }
    }

    // MARK: Statements that misbehave

    /// Between engines and the board: a statement may take time, before its engine looks at the clock.
    private final class Hard: ExecutionWatch {
        private let base: any ExecutionWatch
        private unowned let host: SimulatedHost

        init(_ base: any ExecutionWatch, _ host: SimulatedHost) {
            self.base = base
            self.host = host
        }

        func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?, for request: (any RunningRequest)?) -> Int {
            let work = base.began(database, calls: calls, deadline: deadline, for: request)
            guard !host.life.isEnding else {
                // It may have been begun, and is not why the host ends.
                base.ended(work)
                return -1
            }
            if let request, let deadline { host.carryOut(request, of: database, until: deadline) }
            return work
        }

        /// What a host that ends was doing stays on its board.
        func ended(_ work: Int) { if !host.life.isEnding { base.ended(work) } }
    }

    private func carryOut(_ request: any RunningRequest, of database: DatabaseID, until deadline: BootInstant) {
        guard !life.isEnding, let hardship = machine.hardship?.take(database) else { return }
        machine.fleet.note(life.name, "carries out a statement that is \(hardship)")
        // An engine looks at the clock, and finds its time over, right after this.
        let end = (Duration.nanoseconds(deadline.nanoseconds) - clock.offset) / clock.rate
        let scheduler = scheduler
        let isStopped = { request.isStopped || scheduler.now >= end }
        switch hardship {
        case .slow(let duration): scheduler.takeTime(duration, unless: isStopped)
        case .deaf(let duration): scheduler.takeTime(duration) { false }
        case .hungry(let rate, let isDeaf):
            hunger = (scheduler.now, rate)
            scheduler.takeTime(.seconds(8), unless: isDeaf ? { false } : isStopped)
            hunger = nil
        }
        machine.fleet.note(life.name, "has carried it out")
    }
}
