import AdminAPI
import ArgumentParser
import FleetModel
import Foundation

struct FleetCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet", abstract: "See and change what every process of the fleet has in common.",
        subcommands: [FleetShow.self, FleetSet.self])
}

struct FleetShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show the settings of the fleet.")

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let fleet: FleetResource = try await options.client().get(["fleet"])
        try options.output.print(fleet, table: FleetText.details)
    }
}

struct FleetSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change settings of the fleet.",
        discussion: """
            A TTL counts for sessions that are opened from now on. Every session keeps the one it was opened with, and managers go \
            by that, so it can be changed at any time; restart managers and nodes one after the other to have it everywhere. Take \
            `lease-ttl-ms` out of their own settings first: a process that was told another TTL than the fleet's does not start.

            A write format can be raised once every node runs a program that reads it.
            """)

    @Option(help: "How long a session lives without a renewal, in milliseconds: 500 to 600000.") var leaseTTLMs: Int64?
    @Option(help: "The newest format of bundles and changesets that may be written.") var writeFormat: Int?
    @OptionGroup var options: ClientOptions

    private struct Body: Encodable {
        var leaseTtlMs: Int64?
        var writeFormat: Int?
    }

    func validate() throws {
        guard leaseTTLMs != nil || writeFormat != nil else {
            throw ValidationError("Give --lease-ttl-ms, --write-format or both.")
        }
    }

    func run() async throws {
        let fleet: FleetResource = try await options.client().post(
            ["fleet"], body: Body(leaseTtlMs: leaseTTLMs, writeFormat: writeFormat), idempotencyKey: UUID().uuidString)
        try options.output.print(fleet, table: FleetText.details)
    }
}
