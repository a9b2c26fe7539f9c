import Foundation
import Glibc
import Synchronization

/// A server process that cannot outlive the tests.
///
/// A shell starts it and ends it, by its process id, when the shell's input ends: a pipe that the kernel closes when the
/// test process ends, even by a crash.
///
/// Not Foundation's `Process`, whose children inherit the signal mask of the thread that starts them: one of Dispatch's
/// blocks SIGTERM.
final class SupervisedProcess: Sendable {
    struct Failure: Error {
        let call: String
        let code: Int32
    }

    private static let script = """
        exec 3<&0
        "$@" </dev/null 3<&- & server=$!
        (read -r line <&3; kill $server) & watcher=$!
        wait $server
        kill $watcher 2>/dev/null
        """

    private struct State {
        /// Whether the shell has not been waited for.
        var isRunning = true
        /// The end of the pipe that keeps the server alive; `nil` once closed.
        var input: Int32?
    }

    private let shell: pid_t
    private let state: Mutex<State>

    /// - Throws: `Failure`.
    ///
    /// - Parameter command: the path of a program, and its arguments.
    init(_ command: [String]) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure(call: "pipe", code: errno) }
        // A child that inherited the writing end would keep the server alive.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_adddup2(&files, ends[0], STDIN_FILENO)
        for output in [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&files, output, "/dev/null", O_WRONLY, 0)
        }

        var words = (["/bin/sh", "-c", Self.script, "supervisor"] + command).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var shell = pid_t()
        let code = posix_spawn(&shell, "/bin/sh", &files, &attributes, &words, environ)
        guard code == 0 else {
            close(ends[1])
            throw Failure(call: "posix_spawn", code: code)
        }
        self.shell = shell
        self.state = Mutex(State(input: ends[1]))
    }

    var isRunning: Bool {
        state.withLock { state in
            var status: Int32 = 0
            if state.isRunning, waitpid(shell, &status, WNOHANG) != 0 { state.isRunning = false }
            return state.isRunning
        }
    }

    /// Ends the server and waits until it is gone.
    func stop() async {
        state.withLock { state in
            if let input = state.input { close(input) }
            state.input = nil
        }
        // The kernel reports the end of a child only to a call that blocks, or to one that asks again.
        while isRunning { try? await Task.sleep(for: .milliseconds(10)) }
    }
}
