import BerthTestKit
import Foundation
import Glibc

/// A Python with the client libraries of `ops/test-requirements.txt`.
enum Python {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Names the interpreter; without it one is made in `.build/python`, as `ops/test` does.
    static let environmentVariable = "BERTH_PYTHON"

    private static let interpreter = Task { try await find() }

    /// Runs a script of `Clients/` and returns what it left behind.
    static func run(_ script: String, _ arguments: [String], patience: Duration = .seconds(120)) async throws -> ProgramRun {
        // -B: no byte code beside the sources.
        try await ProgramRun.of(
            [try await interpreter.value, "-B", Repository.script(script)] + arguments, patience: patience)
    }

    /// Runs a program that came with a package.
    static func program(_ name: String, _ arguments: [String], patience: Duration) async throws -> ProgramRun {
        let folder = URL(fileURLWithPath: try await interpreter.value).deletingLastPathComponent().path
        return try await ProgramRun.of(["\(folder)/\(name)"] + arguments, patience: patience)
    }

    private static func find() async throws -> String {
        if let given = ProcessInfo.processInfo.environment[environmentVariable] { return given }
        let folder = Repository.path(".build/python"), python = "\(folder)/bin/python3"
        let requirements = Repository.path("ops/test-requirements.txt")
        if try await ProgramRun.of(["/bin/sh", "-c", "cmp -s \"$0\" \"$1\"", requirements, "\(folder)/installed"]).exitCode == 0 {
            return python
        }
        let making = """
            set -e
            python3 -m venv "$0"
            "$0/bin/pip" install -q --disable-pip-version-check -r "$1"
            cp "$1" "$0/installed"
            """
        let made = try await ProgramRun.of(["/bin/sh", "-c", making, folder, requirements], patience: .seconds(600))
        guard made.exitCode == 0 else {
            throw Failure(
                description: "The Python clients could not be installed in \(folder); run ops/test, or name a Python that "
                    + "has them in \(environmentVariable). \(made)")
        }
        return python
    }
}
