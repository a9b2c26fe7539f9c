import ArgumentParser
import Dispatch
import FleetModel
import Glibc

struct Berth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth",
        abstract: "Hosts thousands of small databases on a fleet of machines.",
        discussion: """
            Each database is served by exactly one node at a time, moves when its node dies or is drained, and never \
            loses what it promised to keep. Start with `berth dev`.
            """,
        version: ProgramVersion.ofThisProcess.name,
        subcommands: [
            DevCommand.self, ManagerCommand.self, GatewayCommand.self, MigrateCommand.self,
        ] + ClientCommands.all)
}

@main
enum Program {
    /// Not asynchronous: an engine host gives up its rights while it has one thread, and an asynchronous program begins with several.
    static func main() {
        if let node = EngineHostRole.node(of: CommandLine.arguments) { EngineHostRole.run(node: node) }
        DescriptorLimit.raise()
        OwnProgram.setProcessName()
        Task { Glibc.exit(await CLIExit.run(Berth.self)) }
        dispatchMain()
    }
}
