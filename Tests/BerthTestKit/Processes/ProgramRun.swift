import Foundation
import Glibc
import LocalFleet

/// What a program that ran to its end left behind.
public struct ProgramRun: Sendable, CustomStringConvertible {
    public enum Failure: Error, CustomStringConvertible {
        case tookTooLong(command: String, Duration, printed: String)

        public var description: String {
            switch self {
            case .tookTooLong(let command, let patience, let printed):
                "\(command) did not end within \(patience); it printed: \(printed)"
            }
        }
    }

    public let exitCode: Int32
    public let standardOutput: String
    public let standardError: String

    public var description: String {
        "exit code \(exitCode)\n--- standard output\n\(standardOutput)\n--- standard error\n\(standardError)"
    }

    private static let script = #"out=$1; err=$2; shift 2; exec "$@" >"$out" 2>"$err""#

    /// Runs `command`, an absolute path and its arguments, to its end.
    ///
    /// - Parameters:
    ///   - environment: variables over those of the test process.
    ///   - patience: it is killed when it takes longer.
    /// - Throws: `Failure`, and `BerthError` when it cannot be started.
    public static func of(
        _ command: [String], environment: [String: String] = [:], patience: Duration = .seconds(60)
    ) async throws -> ProgramRun {
        let directory = try TestDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (out, err) = ("\(directory)/out", "\(directory)/err")
        let child = try await ChildProcess.start(
            ["/bin/sh", "-c", script, "run", out, err] + command,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }, output: nil)
        let impatience = Task {
            try await Task.sleep(for: patience)
            child.signal(SIGKILL)
            return true
        }
        let exitCode = await child.exitCode()
        impatience.cancel()
        let printed = [out, err].map { String(decoding: FileManager.default.contents(atPath: $0) ?? Data(), as: UTF8.self) }
        if case .success(true) = await impatience.result {
            throw Failure.tookTooLong(command: command.joined(separator: " "), patience, printed: printed.joined(separator: "\n"))
        }
        return ProgramRun(exitCode: exitCode, standardOutput: printed[0], standardError: printed[1])
    }
}
