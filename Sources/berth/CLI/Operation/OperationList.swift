import ArgumentParser

struct OperationList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List operations, the newest first.")

    @Flag(help: "Only those that are not finished.")
    var open = false

    @Option(help: "At most this many.")
    var limit = 50

    @OptionGroup var options: ClientOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1.") }
    }

    func run() async throws {
        try options.output.print(
            try await options.client().operations(openOnly: open, limit: limit), table: OperationText.list)
    }
}
