import ArgumentParser
import AsyncHTTPClient
import Chaos
import FleetModel
import Foundation
import NIOCore
import NIOHTTP1

struct StrangersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "strangers", abstract: "Send known hostile statements, and print what each does to its own database, to others and to the node.",
        discussion: """
            Each statement has a database of its own, and a token that may only read it. Clients of other databases insert meanwhile. The table is \
            in Markdown. Ends with 0 only if no request of the others failed, everything they were told of is there, and no node's own process ended.
            """)

    @Option(help: "Leave out statements whose names do not contain this.") var only: String?
    @OptionGroup var options: HostTrialOptions

    func run() async throws {
        var failures = 0, nodesEnded = 0
        let outcome = try await HostTrial.run(options, named: "strangers") { trial in
            let before = trial.workers
            Console.say("| statement, by a token that may read | its own database | others, at most | their failures |\n|---|---|---|---|")
            for (number, statement) in HostileStatement.known.enumerated() where only.map({ statement.name.contains($0) }) ?? true {
                let client = try await HostTrial.database("stranger-\(number)", statement.engine, on: trial.fleet)
                try await client.execute("SELECT 1")
                let reader = DataClient(
                    http: client.http, url: client.url, database: client.database, token: try await Self.readToken(client.database, trial.fleet),
                    timeout: client.timeout)
                let earlier = trial.writers.map { $0.look().failures }
                let start = ContinuousClock.now, answer = await Self.send(statement, to: reader), time = ContinuousClock.now - start
                let looks = trial.writers.map { $0.look() }
                let failed = zip(looks, earlier).reduce(0) { $0 + $1.0.failures - $1.1 }
                failures += failed
                Console.say(
                    "| \(statement.engine.rawValue), \(statement.name) | \(answer), \(Self.seconds(time)) s | \(looks.map(\.longest).max()?.millisecondsRoundedUp ?? 0) ms | \(failed) |")
            }
            nodesEnded = before.count { trial.workers[$0.key] != $0.value }
        }
        Console.say("\n\(outcome.acknowledged) inserts of the others acknowledged, \(outcome.lost) lost, \(failures) of their requests failed; \(nodesEnded) node processes ended.")
        guard outcome.isClean, failures == 0, nodesEnded == 0 else { throw ExitCode(1) }
    }

    /// - Returns: in a word or two.
    private static func send(_ statement: HostileStatement, to client: DataClient) async -> String {
        struct Body: Encodable {
            struct Statement: Encodable { var sql: String }
            var stmt: Statement
        }
        do {
            let body = String(decoding: try JSONEncoder().encode(Body(stmt: .init(sql: statement.sql))), as: UTF8.self)
            _ = try await client.send(ClientCall(path: "/v1/execute", body: body))
            return "answered"
        } catch CallFailure.refused(let code, _) {
            return "`\(code)`"
        } catch {
            return "\(error)"
        }
    }

    private static func readToken(_ database: String, _ fleet: ChaosFleet) async throws -> String {
        struct Answer: Decodable { var secret: String }
        var request = HTTPClientRequest(url: fleet.addresses.direct(fleet.settings.topology.managers[0]) + "/v1/tokens")
        request.method = .POST
        request.headers = ["authorization": "Bearer \(fleet.token)", "content-type": "application/json"]
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(["name": database, "scope": "read", "database": database])))
        let response = try await fleet.http.execute(request, timeout: .seconds(10))
        let body = try await response.body.collect(upTo: 1 << 20)
        guard response.status == .created else { throw ChaosError("no token for \(database): \(String(buffer: body))") }
        return try JSONDecoder().decode(Answer.self, from: Data(body.readableBytesView)).secret
    }

    private static func seconds(_ duration: Duration) -> String { String(format: "%.1f", Double(duration.millisecondsRoundedUp) / 1_000) }
}
