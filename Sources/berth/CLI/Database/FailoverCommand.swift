import AdminAPI
import ArgumentParser
import FleetModel

/// Both `berth failover` and `berth db failover`.
struct FailoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failover", abstract: "Hand a database over to another node; a leader that does not answer is ended.")

    @Argument var name: String
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let client = try options.client()
        let operation: OperationResource = try await client.post(
            ["databases", try DatabaseName(name).description, "failover"])
        try await waiting.finish(operation, options, client)
    }
}
