import Changesets
import Engines
import FleetModel
import Foundation
import Glibc
import Synchronization

/// A host that is a child of this process, from its start until it was reaped.
final class EngineProcess: Sendable {
    private struct State {
        var pid: pid_t?
        var isReady: Bool?
        var isDismissed = false
        var waiting: [CheckedContinuation<Bool, Never>] = []
        var death: HostDeath?
        /// Looks in a row at which nothing had come from it.
        var silence = 0
    }

    let number: Int
    let engine: EngineKind
    let board: ExecutionBoard
    let connection: HostConnection
    private let channel: FrameChannel
    private let childEnd: Int32
    private let configuration: HostConfiguration
    private let state = Mutex(State())
    private let heard = Atomic(false)

    /// - Parameter kept: which changesets stay in files, and where.
    /// - Throws: code `internal_error` when no socket or memory can be had.
    init(_ number: Int, _ configuration: HostConfiguration, kept: SpoolRule, gate: BootInstant, blocking: BlockingWork) throws(BerthError) {
        self.number = number
        engine = configuration.engine
        self.configuration = configuration
        board = try ExecutionBoard()
        board.setGate(gate)
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw BerthError(.internalError, "No socket for an engine host: \(String(cString: strerror(errno))).")
        }
        childEnd = ends[1]
        channel = FrameChannel(ends[0])
        connection = HostConnection(channel: channel, spool: Spool(configuration.spool, isHost: false), kept: kept, blocking: blocking)
    }

    /// Starts the process, on a thread that stays with it.
    ///
    /// - Parameter ended: called once, when the process was reaped, before anybody is answered.
    func start(
        _ program: HostProgram, lock: Int32, ready: @escaping @Sendable ([String]) -> Void,
        ended: @escaping @Sendable (HostDeath, _ wasReady: Bool) -> Void
    ) {
        Thread.start(named: "host-\(number)") { [self] in
            let death = live(program, lock, ready)
            try? FileManager.default.removeItem(atPath: configuration.spool)
            let (wasReady, waiting) = state.withLock { state in
                let wasReady = state.isReady == true
                state.isReady = state.isReady ?? false
                defer { state.waiting = [] }
                return (wasReady, state.waiting)
            }
            ended(death, wasReady)
            for waiter in waiting { waiter.resume(returning: false) }
        }
    }

    private func live(_ program: HostProgram, _ lock: Int32, _ ready: ([String]) -> Void) -> HostDeath {
        let pid: pid_t
        do throws(BerthError) {
            defer { close(childEnd) }
            try? FileManager.default.createDirectory(
                atPath: configuration.spool, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            pid = try program.spawn(socket: childEnd, board: board.descriptor, lock: lock, spool: configuration.spool)
        } catch { return .notStarted(error.message) }
        let isDismissed = state.withLock { state in
            state.pid = pid
            return state.isDismissed
        }
        if isDismissed { channel.end() }
        // All of it can be encoded: numbers, texts and names.
        channel.send(.configure(Array((try? JSONEncoder().encode(configuration)) ?? Data())))
        var misspoke: FrameError?
        do throws(FrameError) {
            try channel.receive { kind, number, reader throws(FrameError) in
                let message = try HostMessage(kind, &reader)
                heard.store(true, ordering: .relaxed)
                if case .ready(let missing) = message { becameReady(missing, ready) } else { try connection.receive(message, number) }
            }
        } catch { misspoke = error }
        return reap(pid, misspoke)
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

    /// Whatever it is doing: without its node nothing of it counts.
    private func reap(_ pid: pid_t, _ misspoke: FrameError?) -> HostDeath {
        _ = Glibc.kill(pid, SIGKILL)
        // Left as a zombie until the lock is held, so that nobody signals a number that another process has since.
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        return state.withLock { state in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            state.pid = nil
            if let misspoke { return .misspoke(misspoke.description) }
            if state.isDismissed { return .dismissed }
            return state.death ?? HostDeath(status: status)
        }
    }

    var pid: pid_t? { state.withLock { $0.pid } }

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

    /// Ends it; what it is asked for is answered as for one that is lost.
    func kill(_ death: HostDeath) {
        state.withLock { state in
            guard let pid = state.pid else { return }
            if state.death == nil { state.death = death }
            _ = Glibc.kill(pid, SIGKILL)
        }
    }

    /// Ends one that is not needed any more.
    func dismiss() {
        state.withLock { $0.isDismissed = true }
        channel.end()
    }

    // MARK: Looking after it

    var residentBytes: Int64? { pid.flatMap { MemoryUse(of: "\($0)") }?.resident }

    /// - Returns: looks in a row, with this one, at which nothing had come from it since the one before.
    func look() -> Int {
        let wasHeard = heard.exchange(false, ordering: .relaxed)
        return state.withLock { state in
            state.silence = wasHeard || state.isReady != true ? 0 : state.silence + 1
            return state.silence
        }
    }

    /// Asks for a sign of life. Not before it is ready: the first frame is its configuration.
    func ping() { if state.withLock({ $0.isReady == true }) { connection.tell(.ping) } }
    func relieve() { if state.withLock({ $0.isReady == true }) { connection.tell(.relieve) } }
}
