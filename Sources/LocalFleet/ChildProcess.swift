public import FleetModel
import Foundation
import Glibc
import Synchronization

/// A program this process started, in a session of its own, so that a Ctrl-C meant for this process does not reach it.
///
/// Its output is appended to a file, and it inherits no descriptor it was not given. Its input is empty, or a lifeline: a
/// pipe that nothing is ever written to and that ends when this process does, however it ends.
public final class ChildProcess: Sendable {
    private struct State {
        /// As `waitpid` reports it, once the child is reaped.
        var status: Int32?
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

    public let pid: Int32
    private let state = Mutex(State())
    /// This end of the lifeline.
    private let lifeline: Int32?

    private init(pid: pid_t, lifeline: Int32?) {
        self.pid = pid
        self.lifeline = lifeline
    }

    deinit { if let lifeline { close(lifeline) } }

    /// Starts `command`, an absolute path and its arguments.
    ///
    /// - Parameters:
    ///   - executable: the file that is run; `nil` for the path in `command`, which then is only what the child is called.
    ///   - output: file that standard output and standard error are appended to; `nil` for this process's own.
    ///   - keeping: descriptors the child inherits under their numbers, for instance of a lock.
    ///   - hasLifeline: whether its input ends when this process does.
    /// - Throws: `BerthError` with code `configuration_invalid` when the program cannot be started.
    public static func start(
        _ command: [String], executable: String? = nil, environment: [String: String], output: String?, keeping: [Int32] = [],
        hasLifeline: Bool = false
    ) async throws(BerthError) -> ChildProcess {
        invariant(!command.isEmpty, "there is nothing to start")
        let started: Result<ChildProcess, BerthError> = await withCheckedContinuation { continuation in
            // A parent-death signal is sent when the starting *thread* ends: so one thread starts the child and waits for
            // it, instead of one of a pool that shrinks.
            Thread.detachNewThread {
                var ends: [Int32] = [-1, -1]
                // Close-on-exec: no other child may hold this end, or the lifeline would outlive this process.
                let hasPipe = hasLifeline && pipe(&ends) == 0
                if hasPipe { for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) } }
                defer { if hasPipe { close(ends[0]) } }
                var spawn = ProcessSpawn(executable: executable ?? command[0], arguments: command, environment: environment)
                spawn.descriptors = Dictionary(uniqueKeysWithValues: keeping.map { ($0, $0) })
                if hasPipe { spawn.descriptors[0] = ends[0] }
                spawn.output = output
                do throws(BerthError) {
                    let child = ChildProcess(pid: try spawn.start(), lifeline: hasPipe ? ends[1] : nil)
                    continuation.resume(returning: .success(child))
                    child.reap()
                } catch {
                    if hasPipe { close(ends[1]) }
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try started.get()
    }

    public var isRunning: Bool { state.withLock { $0.status == nil } }

    /// Waits for the end and returns the exit code, or 128 + the signal that ended it.
    public func exitCode() async -> Int32 {
        let status = await withCheckedContinuation { continuation in
            let known = state.withLock { state -> Int32? in
                if state.status == nil { state.waiters.append(continuation) }
                return state.status
            }
            if let known { continuation.resume(returning: known) }
        }
        invariant(!isRunning, "a process has an exit code while it runs")
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// Sends a signal; no effect after the end, also when another process got the number since.
    public func signal(_ number: Int32) {
        state.withLock { state in
            if state.status == nil { _ = kill(pid, number) }
        }
    }

    private func reap() {
        // Left as a zombie until the lock is held, so that `signal` cannot meet a reused number.
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let (status, waiters) = state.withLock { state in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            invariant(state.status == nil, "a process is reaped twice")
            state.status = status
            defer { state.waiters = [] }
            return (status, state.waiters)
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }
}
