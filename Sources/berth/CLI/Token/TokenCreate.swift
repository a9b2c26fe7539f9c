import AdminAPI
import ArgumentParser
import FleetModel

struct TokenCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a token; its secret is shown this once.")

    @Argument(help: "What it is for, for people.")
    var name: String

    @Option(help: "read: see everything, read data. operate: also create, move, drain, write. admin: also tokens.")
    var scope: Scope

    @Option(help: "Good for this database alone.")
    var database: String?

    @Option(help: "How long it is valid: seconds, or a number with s, m, h or d. Default: for ever.")
    var ttl: TokenLife?

    @OptionGroup var options: ClientOptions

    enum Scope: String, ExpressibleByArgument, CaseIterable, Sendable {
        case read, operate, admin
    }

    private struct Body: Encodable {
        var name: String
        var scope: String
        var database: String?
        var ttlSeconds: Int64?
    }

    func run() async throws {
        let database = try database.map { try DatabaseName($0).description }
        let created: NewTokenResource = try await options.client().post(
            ["tokens"], body: Body(name: name, scope: scope.rawValue, database: database, ttlSeconds: ttl?.seconds))
        try options.output.print(created, table: TokenText.created)
    }
}
