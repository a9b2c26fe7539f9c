import ArgumentParser
import FleetModel
import Glibc

@main
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

    static func main() async {
        DescriptorLimit.raise()
        OwnProgram.setProcessName()
        Glibc.exit(await CLIExit.run(Berth.self))
    }
}
