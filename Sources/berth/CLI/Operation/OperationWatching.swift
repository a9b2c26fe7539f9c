import AdminAPI
import ArgumentParser

struct OperationWatching: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow an operation to its end and fail if it fails.")

    @Argument(help: "Its identifier, as `berth operation list` shows it.")
    var id: OperationArgument

    @Option(help: "Stop waiting after this many seconds; the operation goes on.")
    var timeout: Int?

    @OptionGroup var options: ClientOptions

    func validate() throws {
        if let timeout, timeout < 1 { throw ValidationError("--timeout must be at least 1.") }
    }

    func run() async throws {
        let client = try options.client()
        var operation: OperationResource = try await client.get(["operations", id.text])
        operation = try await OperationFollower(client: client).follow(operation, timeout: timeout)
        try options.output.print(operation, table: OperationText.details)
        if operation.state != "succeeded" { throw ClientFailure(operation: operation) }
    }
}
