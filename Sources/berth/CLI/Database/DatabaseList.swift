import ArgumentParser

struct DatabaseList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List databases by name.")

    @Option(help: "Only those this node leads.")
    var leader: String?

    @Option(help: "Only those whose name begins so.")
    var prefix: String?

    @Option(help: "At most this many.")
    var limit: Int?

    @OptionGroup var options: ClientOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    }

    func run() async throws {
        let databases = try await options.client().databases(leader: leader, prefix: prefix, limit: limit)
        try options.output.print(databases, table: DatabaseText.list)
    }
}
