import AdminAPI
public import ArgumentParser
public import FleetModel
import Foundation

struct DatabaseCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create a database.")

    @Argument(help: "1 to 63 characters a–z, 0–9 and “-”, starting and ending with a letter or a digit.")
    var name: String

    @Option(help: "What an acknowledged write survives: local or bucket.")
    var durability: Durability = .local

    @Option(help: "\(EngineKind.allCases.map(\.rawValue).joined(separator: " or ")).")
    var engine: EngineKind = .sqlite

    @Option(help: "Whether foreign keys are enforced: on or off; PRAGMA foreign_keys changes it for one stream. DuckDB knows only on.")
    var foreignKeys: Switch = .on

    enum Switch: String, CaseIterable, ExpressibleByArgument { case on, off }

    @OptionGroup var options: ClientOptions

    private struct Body: Encodable {
        var name: String
        var engine: String
        var durability: String
        var foreignKeys: Bool
    }

    func run() async throws {
        let name = try DatabaseName(name)
        let created: DatabaseResource = try await options.client().post(
            ["databases"],
            body: Body(name: name.description, engine: engine.rawValue, durability: durability.rawValue, foreignKeys: foreignKeys == .on),
            idempotencyKey: UUID().uuidString)
        try options.output.print(created, table: DatabaseText.details)
    }
}

extension Durability: ExpressibleByArgument {}
extension EngineKind: ExpressibleByArgument {}
