import ArgumentParser

/// The commands that talk to a fleet through its REST API.
enum ClientCommands {
    static let all: [any ParsableCommand.Type] = [
        DatabaseCommands.self, FailoverCommand.self, FleetCommands.self, NodeCommands.self, OperationCommands.self, TokenCommands.self,
    ]
}
