import ArgumentParser
import FleetModel

/// An operation's identifier on the command line.
struct OperationArgument: ExpressibleByArgument, Sendable {
    let text: String

    init?(argument: String) {
        guard let id = OperationID(argument) else { return nil }
        text = id.description
    }
}
