import Foundation
import Glibc
import LocalFleet

extension TestFleet {
    /// Stops a node's worker in its tracks, as a paused virtual machine.
    public func pause(node name: String) async throws {
        try await pause([try await worker(of: name)], as: name)
    }

    /// Lets a paused worker go on.
    public func resume(node name: String) { goOn(name) }

    /// Lets Postgres stand still: connections stay open, and nothing answers.
    public func pausePostgres() async throws {
        guard
            let postmaster = ProcessTable.all().first(where: { pid in
                let words = ProcessTable.commandLine(of: pid)
                return words.first?.hasSuffix("/postgres") == true && words.contains("\(directory)/postgres")
            })
        else { throw NoSuchProcess(description: "There is no Postgres in \(directory).") }
        // The parent first, which then starts no more.
        try await pause([postmaster], as: "postmaster")
        try await pause(ProcessTable.children(of: postmaster), as: "postgres")
    }

    public func resumePostgres() {
        goOn("postgres")
        goOn("postmaster")
    }

    private func pause(_ processes: [Int32], as name: String) async throws {
        // Its input ends with the test process: then what was paused goes on, so that it can be stopped in order.
        let guardian = try await ChildProcess.start(
            ["/bin/sh", "-c", #"read -r line; kill -CONT "$@""#, "guardian"] + processes.map(String.init), environment: [:],
            output: "/dev/null", hasLifeline: true)
        keep(Pause(processes: processes, guardian: guardian), as: name)
        for process in processes { Glibc.kill(process, SIGSTOP) }
    }

    private func goOn(_ name: String) {
        guard let pause = endPause(name) else { return }
        for process in pause.processes { Glibc.kill(process, SIGCONT) }
    }
}

/// Processes that stand still.
struct Pause: Sendable {
    var processes: [Int32]
    /// Lets them go on when the test process dies.
    var guardian: ChildProcess
}
