import AdminAPI
import ArgumentParser
import FleetModel
import Foundation
import Testing

@testable import berth

@Suite struct ExitCodeTests {
    @Test(arguments: [
        (400, Int32(3)), (401, 3), (403, 3), (404, 4), (409, 3), (413, 3), (422, 3), (500, 5), (502, 5), (503, 5), (504, 6),
    ])
    func followsTheStatus(status: Int, code: Int32) {
        #expect(CLIExit.exitCode(for: ClientFailure(status: status, body: Data())) == code)
    }

    @Test func takesCodeAndMessageFromTheProblem() {
        let body = #"{"type":"t","title":"t","status":409,"detail":"Do x.","code":"node_cordoned","request_id":"r"}"#
        let failure = ClientFailure(status: 409, body: Data(body.utf8))
        #expect(failure.code == "node_cordoned" && failure.message == "Do x." && failure.exit == .refused)
        #expect(!failure.isTransient && ClientFailure(status: 503, body: Data()).isTransient)
    }

    @Test func everyCodeOfBerthHasOne() {
        for code in BerthError.Code.allCases {
            let exit = CLIExit.exitCode(for: BerthError(code, ""))
            #expect((2...7).contains(exit), "\(code)")
        }
        #expect(CLIExit.exitCode(for: BerthError(.databaseNotFound, "")) == 4)
        #expect(CLIExit.exitCode(for: BerthError(.invalidDatabaseName, "")) == 3)
        #expect(CLIExit.exitCode(for: BerthError(.configurationInvalid, "")) == 2)
        #expect(CLIExit.exitCode(for: BerthError(.timedOut, "")) == 6)
    }

    @Test(arguments: [
        ["list", "--limit", "0"], ["create"], ["create", "a", "--durability", "none"], ["move", "a"], ["fly"],
        ["list", "--output", "xml"], ["move", "a", "--to", "b", "--timeout", "0"],
    ])
    func aBadCommandLineIsUsage(arguments: [String]) throws {
        let error = try #require(throws: (any Error).self) { _ = try DatabaseCommands.parseAsRoot(arguments) }
        #expect(CLIExit.exitCode(for: error) == 2)
    }

    @Test func helpIsSuccess() {
        #expect(CLIExit.exitCode(for: CleanExit.helpRequest(DatabaseCommands.self)) == 0)
    }

    @Test func anOperationThatFailedEndsAsItsError() {
        var operation = Samples.operation
        operation.state = "failed"
        operation.error = .init(code: "store_unavailable", message: "Postgres is away.")
        #expect(ClientFailure(operation: operation).exit == .unavailable)
        operation.error = nil
        operation.state = "cancelled"
        #expect(ClientFailure(operation: operation).exit == .refused)
        #expect(ClientFailure(operation: operation).code == "operation_cancelled")
        #expect(ClientFailure.stillRunning(operation).exit == .timedOut)
    }
}
