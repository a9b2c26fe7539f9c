import Foundation
import LocalFleet

/// The real program, beside the test bundle unless the environment names it.
enum ChaosProgram {
    private static func path(_ name: String, _ variable: String) -> String {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/\(name)"
        return ProcessInfo.processInfo.environment[variable] ?? beside
    }

    /// Runs it to its end, which comes with the end of this process as well.
    ///
    /// - Parameters:
    ///   - output: the file for what it prints.
    ///   - patience: after which it is killed.
    static func run(_ arguments: [String], output: String, within patience: Duration) async throws -> (code: Int32, printed: String) {
        // Its input ends with the test process, and so does it.
        let child = try await ChildProcess.start(
            [
                "/bin/sh", "-c", #"exec 3<&0; "$@" <&- 3<&- & p=$!; (read -r l <&3; kill $p) & w=$!; exec 3<&-; wait $p; c=$?; kill $w; exit $c"#,
                "chaos", path("berth-chaos", "BERTH_CHAOS_BINARY"),
            ] + arguments + ["--berth", path("berth", "BERTH_BINARY")],
            environment: ProcessInfo.processInfo.environment, output: output, hasLifeline: true)
        let impatience = Task {
            try await Task.sleep(for: patience)
            child.signal(SIGKILL)
        }
        let code = await child.exitCode()
        impatience.cancel()
        return (code, (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
    }
}
