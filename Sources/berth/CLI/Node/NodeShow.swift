import AdminAPI
import ArgumentParser
import FleetModel

struct NodeShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one node.")

    @Argument var name: String
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let node: NodeResource = try await options.client().get(["nodes", try NodeName(name).description])
        try options.output.print(node, table: NodeText.details)
    }
}
