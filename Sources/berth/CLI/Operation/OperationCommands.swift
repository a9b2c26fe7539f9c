import ArgumentParser

struct OperationCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operation", abstract: "See, wait for and cancel moves, failovers and drains.",
        subcommands: [OperationList.self, OperationShow.self, OperationWatching.self, OperationCancel.self])
}
