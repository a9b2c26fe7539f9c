import ArgumentParser

struct DatabaseCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db", abstract: "Create, see and move databases.",
        subcommands: [
            DatabaseCreate.self, DatabaseList.self, DatabaseShow.self, DatabaseMove.self, FailoverCommand.self,
            DatabaseAcceptOlder.self,
        ])
}
