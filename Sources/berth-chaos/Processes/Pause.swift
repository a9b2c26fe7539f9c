import Glibc
import LocalFleet

/// Processes that stand still until ``end()``, or until the harness itself is gone.
struct Pause: Sendable {
    let processes: [Int32]
    /// Lets them go on when the harness dies: they could not even be stopped.
    private let guardian: ChildProcess

    private static let script = #"read -r line; kill -CONT "$@" 2>/dev/null"#

    static func begin(_ processes: [Int32]) async throws -> Pause {
        let guardian = try await ChildProcess.start(
            ["/bin/sh", "-c", script, "guardian"] + processes.map(String.init), environment: [:], output: "/dev/null",
            hasLifeline: true)
        for process in processes { kill(process, SIGSTOP) }
        return Pause(processes: processes, guardian: guardian)
    }

    func end() {
        guardian.signal(SIGKILL)
        for process in processes { kill(process, SIGCONT) }
    }
}
