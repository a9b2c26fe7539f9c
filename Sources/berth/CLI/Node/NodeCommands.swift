import ArgumentParser

struct NodeCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "See, cordon and drain worker nodes.",
        subcommands: [
            NodeListing.self, NodeShow.self, NodeDrain.self, NodeCordon.self, NodeUncordon.self, NodeRunCommand.self,
            NodeWorkerCommand.self,
        ])
}
