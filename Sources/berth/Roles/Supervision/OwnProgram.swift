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
            environment: environment(of: ProcessInfo.processInfo.environment), output: output, keeping: descriptors,
            hasLifeline: true)
    }

    /// The program as an engine host: it is told more when it runs.
    static var engineHost: HostProgram {
        HostProgram(
            executable: executable, arguments: [CommandLine.arguments[0], EngineHostRole.name], environment: ProcessInfo.processInfo.environment)
    }

    /// The variables of a child, made of those of this process.
    ///
    /// Swift's backtracer keeps a process that crashed in existence until it has read the symbols of the whole program, for up
    /// to half a minute, and its databases with it: nobody may take them over before it was reaped. So a child crashes at once.
    /// What it did is told by a core file, for which the system has settings of its own.
    static func environment(of own: [String: String]) -> [String: String] {
        var environment = own
        environment["SWIFT_BACKTRACE"] = [own["SWIFT_BACKTRACE"], "enable=no"].compactMap(\.self).joined(separator: ",")
        return environment
    }

    /// Gives this process the program's name where processes are listed: one started by the kernel's name is called `exe` there.
    static func setProcessName(_ name: String = "berth") {
        try? Data(name.utf8).write(to: URL(fileURLWithPath: "/proc/self/comm"))
    }
}
