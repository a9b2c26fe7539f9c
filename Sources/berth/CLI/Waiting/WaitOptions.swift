import AdminAPI
import ArgumentParser
import NIOCore

/// Whether a command that starts an operation waits for its end.
struct WaitOptions: ParsableArguments {
    @Flag(inversion: .prefixedNo, help: "Wait until the operation is finished.")
    var wait = true

    @Option(help: "Stop waiting after this many seconds; the operation goes on.")
    var timeout: Int?

    func validate() throws {
        if let timeout, timeout < 1 { throw ValidationError("--timeout must be at least 1.") }
    }

    /// Waits if that is wanted, prints the operation, and fails as it failed.
    func finish(_ operation: OperationResource, _ options: ClientOptions, _ client: AdminClient) async throws {
        var operation = operation
        if wait { operation = try await OperationFollower(client: client).follow(operation, timeout: timeout) }
        try options.output.print(operation, table: OperationText.details)
        if operation.state == "failed" || operation.state == "cancelled" { throw ClientFailure(operation: operation) }
    }
}
