import ArgumentParser

@main
struct BerthChaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-chaos",
        abstract: "Breaks a real fleet on purpose while clients use it, and checks that every promise was kept.",
        subcommands: [SoakCommand.self, CheckCommand.self, HostKillsCommand.self, StrangersCommand.self], defaultSubcommand: SoakCommand.self)
}
