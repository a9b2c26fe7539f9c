import AdminAPI
import ArgumentParser
import FleetModel

struct DatabaseMove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Move a database to another node while it is used.")

    @Argument var name: String

    @Option(help: "The node that shall lead it.")
    var to: String

    @OptionGroup var waiting: WaitOptions
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let (name, target) = (try DatabaseName(name), try NodeName(to))
        let client = try options.client()
        let operation: OperationResource = try await client.post(
            ["databases", name.description, "move"], body: ["to": target.description])
        try await waiting.finish(operation, options, client)
    }
}
