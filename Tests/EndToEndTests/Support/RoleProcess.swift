import BerthTestKit
import Foundation
import NIOHTTP1

/// A server role that a test starts by itself, beside those of `berth dev`.
struct RoleProcess: Sendable {
    private let program: SupervisedProgram

    fileprivate init(program: SupervisedProgram) { self.program = program }

    /// Waits until it says where it answers, and does.
    func address() async throws -> String {
        try await eventually("the process answers: \(program.output)", within: .seconds(60)) {
            guard let match = program.printed.firstMatch(of: /address="?(?:http:\/\/)?(127\.0\.0\.1:[0-9]+)/) else { return nil }
            let url = "http://\(match.1)"
            return try await HTTP.send(.GET, url + "/readyz").status == 200 ? url : nil
        }
    }

    /// - Returns: its exit code.
    @discardableResult
    func stop() async -> Int32 { await program.stop() }

    /// Ends it as a crash would.
    func kill() async {
        program.kill()
        _ = await program.exitCode()
    }
}

extension TestFleet {
    /// Starts `berth` with these arguments on a free port.
    ///
    /// - Parameter executable: the file of the program; `nil` for the one under test.
    func startRole(
        _ arguments: [String], name: String, executable: String? = nil, environment: [String: String] = [:]
    ) async throws -> RoleProcess {
        RoleProcess(
            program: try await SupervisedProgram.start(
                [try executable ?? BerthBinary.path()] + arguments, environment: environment.merging(["BERTH_LISTEN": "127.0.0.1:0"]) { $1 },
                output: "\(directory)/\(name).log"))
    }
}
