import EngineHost
import FleetModel
import Foundation
import LocalFleet

/// This program as a child process of itself.
enum OwnProgram {
    /// The kernel's name for the program that runs. The child resolves it before it is another program, so what runs is the
    /// program of the parent itself: also when its file was replaced by another version, or deleted.
    private static let executable = "/proc/self/exe"

    /// Starts it with `arguments`.
    ///
    /// - Parameter output: file that standard output and standard error are appended to; `nil` for this process's own.
    /// - Throws: `configuration_invalid` when it cannot be started.
    static func start(
        _ arguments: [String], output: String? = nil, keeping descriptors: [Int32] = []
    ) async throws(BerthError) -> ChildProcess {
        try await ChildProcess.start(
            [CommandLine.arguments[0]] + arguments, executable: executable,
            environment: ProcessSpawn.withoutBacktracer(ProcessInfo.processInfo.environment), output: output, keeping: descriptors,
            hasLifeline: true)
    }

    /// The program as an engine host: it is told more when it runs.
    static var engineHost: HostProgram {
        HostProgram(
            executable: executable, arguments: [CommandLine.arguments[0], EngineHostRole.name], environment: ProcessInfo.processInfo.environment)
    }

    /// Gives this process the program's name where processes are listed: one started by the kernel's name is called `exe` there.
    static func setProcessName(_ name: String = "berth") {
        try? Data(name.utf8).write(to: URL(fileURLWithPath: "/proc/self/comm"))
    }
}
