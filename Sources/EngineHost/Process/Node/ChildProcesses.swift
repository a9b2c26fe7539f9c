import Dispatch
import FleetModel
import Foundation
import Glibc
import Synchronization

/// Hosts as children of this process, each with a thread that starts it, reads what it sends, and reaps it.
final class ChildProcesses: HostMachine {
    private let lock: HostsLock
    private let program: HostProgram
    private let watching = DispatchSemaphore(value: 0)
    private let outOfMemory = OutOfMemoryCount()

    init(_ lock: HostsLock, _ program: HostProgram) {
        self.lock = lock
        self.program = program
    }

    var directory: String { lock.directory }

    func makeBody(_ number: Int, _ configuration: HostConfiguration, _ board: ExecutionBoard) throws(BerthError) -> any HostBody {
        try ChildProcess(number, program, lock, board, spool: configuration.spool)
    }

    func watch(every interval: Duration, _ look: @escaping @Sendable () -> Bool) {
        let pause = DispatchTimeInterval.nanoseconds(Int(interval.clampedNanoseconds))
        Thread.start(named: "host-watch") { [watching] in
            while watching.wait(timeout: .now() + pause) == .timedOut {
                guard look() else { return }
            }
        }
    }

    func stopWatching() { watching.signal() }

    func lookForMemory() { outOfMemory.look() }
    var ranOutOfMemory: Bool { outOfMemory.happened }
}

private final class ChildProcess: HostBody {
    private let number: Int
    private let program: HostProgram
    private let lock: HostsLock
    private let board: ExecutionBoard
    private let spool: String
    private let channel: FrameChannel
    private let childEnd: Int32
    private let process = Mutex<pid_t?>(nil)

    /// - Throws: code `internal_error` when no socket can be had.
    init(_ number: Int, _ program: HostProgram, _ lock: HostsLock, _ board: ExecutionBoard, spool: String) throws(BerthError) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw BerthError(.internalError, "No socket for an engine host: \(String(cString: strerror(errno))).")
        }
        self.number = number
        self.program = program
        self.lock = lock
        self.board = board
        self.spool = spool
        channel = FrameChannel(ends[0])
        childEnd = ends[1]
    }

    var pid: Int32? { process.withLock { $0 } }
    var residentBytes: Int64? { pid.flatMap { MemoryUse(of: "\($0)") }?.resident }

    func send(_ write: (inout FrameWriter) -> Void) { channel.send(write) }
    func end() { channel.end() }

    func start(_ receiver: @escaping FrameReceiver, ended: @escaping @Sendable (HostEnd) -> Void) {
        Thread.start(named: "host-\(number)") { [self] in ended(live(receiver)) }
    }

    private func live(_ receiver: FrameReceiver) -> HostEnd {
        let pid: pid_t
        do throws(BerthError) {
            defer { close(childEnd) }
            try? FileManager.default.createDirectory(atPath: spool, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            pid = try program.spawn(socket: childEnd, board: board.descriptor, lock: lock.descriptor, spool: spool)
        } catch { return .notStarted(error.message) }
        process.withLock { $0 = pid }
        var misspoke: FrameError?
        do throws(FrameError) { try channel.receive(receiver) } catch { misspoke = error }
        let status = reap(pid)
        return misspoke.map { .misspoke($0.description) } ?? .status(status)
    }

    /// Whatever it is doing: without its node nothing of it counts.
    private func reap(_ pid: pid_t) -> Int32 {
        _ = Glibc.kill(pid, SIGKILL)
        // Left as a zombie until the lock is held, so that nobody signals a number that another process has since.
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        return process.withLock { process in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            process = nil
            return status
        }
    }

    func kill() -> Bool {
        process.withLock { process in
            guard let process else { return false }
            _ = Glibc.kill(process, SIGKILL)
            return true
        }
    }
}
