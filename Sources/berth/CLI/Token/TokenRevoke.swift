import ArgumentParser
import FleetModel

struct TokenRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Make a token invalid for ever.")

    @Argument(help: "Its identifier, as `berth token list` shows it.")
    var id: String

    @OptionGroup var options: ClientOptions

    func validate() throws {
        if TokenID(id) == nil { throw ValidationError("“\(id)” is no identifier of a token.") }
    }

    func run() async throws {
        try await options.client().delete(["tokens", id])
        CLIExit.writeError("Revoked.\n")
    }
}
