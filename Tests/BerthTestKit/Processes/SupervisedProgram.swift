import Foundation
import Glibc
import LocalFleet

/// A program that a test starts, signals and stops, and that cannot outlive the test process.
///
/// A shell is its parent: it passes signals on, and asks the program to stop when its own input ends, which the kernel sees
/// to when the test process ends, however it ends.
public final class SupervisedProgram: Sendable {
    /// `wait` returns early when a signal is passed on, so it is repeated until the program is gone; and once more, for the code
    /// of one that was gone before it was asked about again. 127 says that an earlier one has told it.
    private static let script = """
        exec 3<&0
        "$@" </dev/null 3<&- & program=$!
        trap 'kill -TERM $program 2>/dev/null' TERM
        trap 'kill -KILL $program 2>/dev/null' USR1
        (trap - TERM USR1; read -r line <&3; kill -TERM $program) & watcher=$!
        exec 3<&-
        wait $program; code=$?
        while kill -0 $program 2>/dev/null; do wait $program; code=$?; done
        wait $program 2>/dev/null; last=$?
        [ $last -eq 127 ] || code=$last
        kill $watcher 2>/dev/null
        exit $code
        """

    /// The file its standard output and standard error are appended to.
    public let output: String
    private let shell: ChildProcess

    private init(shell: ChildProcess, output: String) {
        self.shell = shell
        self.output = output
    }

    /// Starts `command`, an absolute path and its arguments.
    ///
    /// - Parameters:
    ///   - environment: variables over those of the test process.
    ///   - output: file for what it prints.
    /// - Throws: `BerthError` when the shell cannot be started.
    public static func start(
        _ command: [String], environment: [String: String] = [:], output: String
    ) async throws -> SupervisedProgram {
        let shell = try await ChildProcess.start(
            ["/bin/sh", "-c", script, "supervisor"] + command,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }, output: output, hasLifeline: true)
        return SupervisedProgram(shell: shell, output: output)
    }

    public var isRunning: Bool { shell.isRunning }

    /// What it printed so far.
    public var printed: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }

    /// Asks it to stop.
    public func terminate() { shell.signal(SIGTERM) }

    /// Ends it as a crash would.
    public func kill() { shell.signal(SIGUSR1) }

    /// Waits for the end and returns the exit code, or 128 + the signal that ended it.
    public func exitCode() async -> Int32 { await shell.exitCode() }

    /// Asks it to stop and waits; kills it when it takes longer than `patience`.
    ///
    /// - Returns: its exit code.
    @discardableResult
    public func stop(patience: Duration = .seconds(60)) async -> Int32 {
        let impatience = Task {
            try await Task.sleep(for: patience)
            self.kill()
        }
        defer { impatience.cancel() }
        terminate()
        return await exitCode()
    }
}
