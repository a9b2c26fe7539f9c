import Changesets
import Engines
import FleetModel
import Foundation
import Synchronization

/// A host of this node, from its start until nothing of it runs any more.
final class EngineProcess: Sendable {
    private struct State {
        var isReady: Bool?
        var isDismissed = false
        var waiting: [CheckedContinuation<Bool, Never>] = []
        /// Why it was ended.
        var death: HostDeath?
        var watch: HostWatch
    }

    let number: Int
    let engine: EngineKind
    let board: ExecutionBoard
    let connection: HostConnection
    private let body: any HostBody
    private let configuration: HostConfiguration
    private let state: Mutex<State>
    private let heard = Atomic(false)

    /// - Parameters:
    ///   - kept: which changesets stay in files, and where.
    ///   - interval: between two looks at it.
    /// - Throws: code `internal_error` when no socket or memory can be had.
    init(
        _ number: Int, _ configuration: HostConfiguration, on machine: any HostMachine, kept: SpoolRule, gate: BootInstant, interval: Duration,
        blocking: BlockingWork
    ) throws(BerthError) {
        self.number = number
        engine = configuration.engine
        self.configuration = configuration
        board = try ExecutionBoard()
        board.setGate(gate)
        body = try machine.makeBody(number, configuration, board)
        connection = HostConnection(channel: body, spool: Spool(configuration.spool, isHost: false), kept: kept, blocking: blocking)
        state = Mutex(State(watch: HostWatch(configuration.limits, interval: interval)))
    }

    /// Starts it.
    ///
    /// - Parameter ended: called once, when nothing of it runs any more, before anybody is answered.
    func start(ready: @escaping @Sendable ([String]) -> Void, ended: @escaping @Sendable (HostDeath, _ wasReady: Bool) -> Void) {
        // All of it can be encoded: numbers, texts and names.
        body.send(.configure(Array((try? JSONEncoder().encode(configuration)) ?? Data())))
        body.start { [self] kind, number, fields throws(FrameError) in
            let message = try HostMessage(kind, &fields)
            heard.store(true, ordering: .relaxed)
            if case .ready(let missing) = message { becameReady(missing, ready) } else { try connection.receive(message, number) }
        } ended: { [self] end in
            try? FileManager.default.removeItem(atPath: configuration.spool)
            let (death, wasReady, waiting) = state.withLock { state in
                let wasReady = state.isReady == true
                state.isReady = state.isReady ?? false
                defer { state.waiting = [] }
                return (Self.death(end, state), wasReady, state.waiting)
            }
            ended(death, wasReady)
            for waiter in waiting { waiter.resume(returning: false) }
        }
    }

    private static func death(_ end: HostEnd, _ state: State) -> HostDeath {
        switch end {
        case .notStarted(let reason): .notStarted(reason)
        case .misspoke(let what): .misspoke(what)
        case .status(let status): state.isDismissed ? .dismissed : state.death ?? HostDeath(status: status)
        }
    }

    private func becameReady(_ missing: [String], _ ready: ([String]) -> Void) {
        let waiting = state.withLock { state in
            state.isReady = true
            defer { state.waiting = [] }
            return state.waiting
        }
        ready(missing)
        for waiter in waiting { waiter.resume(returning: true) }
    }

    var pid: Int32? { body.pid }

    /// Waits until it can be asked.
    ///
    /// - Returns: `false` when it ended before.
    func becomesReady() async -> Bool {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> Bool? in
                if state.isReady == nil { state.waiting.append(continuation) }
                return state.isReady
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// Ends one that is not needed any more.
    func dismiss() {
        state.withLock { $0.isDismissed = true }
        body.end()
    }

    // MARK: Looking after it

    var residentBytes: Int64? { body.residentBytes }

    /// Looks at it, and does what follows from that.
    func look(at now: Duration) {
        let wasHeard = heard.exchange(false, ordering: .relaxed), resident = body.residentBytes
        let actions = state.withLock { state in
            state.watch.look(
                HostWatch.Sight(isReady: state.isReady == true, wasHeard: wasHeard, residentBytes: resident), works: { board.works }, at: now)
        }
        for action in actions {
            switch action {
            case .ping: connection.tell(.ping)
            case .giveBack: relieve(nil)
            case .giveWay(let work):
                RareBranch.requestGaveWay.marked()
                relieve(work)
            case .end(let death): kill(death)
            }
        }
    }

    /// Not before it is ready: the first frame is its configuration.
    private func relieve(_ work: UInt64?) { if state.withLock({ $0.isReady == true }) { connection.tell(.relieve(work: work)) } }

    /// Ends it; what it is asked for is answered as for one that is lost.
    private func kill(_ death: HostDeath) {
        state.withLock { state in
            guard body.kill(), state.death == nil else { return }
            state.death = death
        }
    }
}
