import ArgumentParser

struct NodeListing: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List nodes by name.")

    @OptionGroup var options: ClientOptions

    func run() async throws {
        try options.output.print(try await options.client().nodes(), table: NodeText.list)
    }
}
