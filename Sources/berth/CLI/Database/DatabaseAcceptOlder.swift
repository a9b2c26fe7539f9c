import AdminAPI
import ArgumentParser
import FleetModel

struct DatabaseAcceptOlder: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept-older", abstract: "Let a database that does not open go on from an older state; what came after is given up.",
        discussion: "`berth db show` names the newest state that opens. The leader publishes it as the next one; nothing is removed from the bucket.")

    @Argument var name: String

    @Option(help: "The state to go on from, as `berth db show` names it.")
    var seq: UInt64

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let database: DatabaseResource = try await options.client().post(
            ["databases", try DatabaseName(name).description, "accept-older"], body: ["seq": seq])
        try options.output.print(database, table: DatabaseText.details)
    }
}
