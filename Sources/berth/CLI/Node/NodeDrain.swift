import AdminAPI
import ArgumentParser
import FleetModel

struct NodeDrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Cordon a node and move everything it leads elsewhere.")

    @Argument var name: String
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let client = try options.client()
        let operation: OperationResource = try await client.post(["nodes", try NodeName(name).description, "drain"])
        try await waiting.finish(operation, options, client)
    }
}
