import AdminAPI
import ArgumentParser
import FleetModel

struct NodeCordon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cordon", abstract: "Let a node keep what it leads and take nothing new.")

    @Argument var name: String
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let node: NodeResource = try await options.client().post(["nodes", try NodeName(name).description, "cordon"])
        try options.output.print(node, table: NodeText.details)
    }
}

struct NodeUncordon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "uncordon", abstract: "Let a node take databases again.")

    @Argument var name: String
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let node: NodeResource = try await options.client().post(["nodes", try NodeName(name).description, "uncordon"])
        try options.output.print(node, table: NodeText.details)
    }
}
