import AdminAPI
import ArgumentParser
import FleetModel

struct DatabaseShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one database.")

    @Argument var name: String
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let database: DatabaseResource = try await options.client().get(["databases", try DatabaseName(name).description])
        try options.output.print(database, table: DatabaseText.details)
    }
}
