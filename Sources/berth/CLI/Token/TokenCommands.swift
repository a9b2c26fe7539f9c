import ArgumentParser

struct TokenCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make, see and revoke admin tokens.",
        subcommands: [TokenCreate.self, TokenListing.self, TokenRevoke.self])
}
