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
            Each statement has a database of its own, and a token that may only read it. Clients of other databases insert meanwhile: neighbours are \
            those that were open in the same process. The table is in Markdown: times are the longest of one request, numbers in brackets requests that \
            failed. Ends with 0 only if every statement came out as it must, no request of others failed, and of neighbours only those whose process \
            ended while it carried them out, everything all of them were told of is there, and no node's own process ended.
            """)

    @Option(help: "Leave out statements whose names do not contain this.") var only: String?
    @Flag(help: "With tokens that may write.") var write = false
    @OptionGroup var options: HostTrialOptions

    func run() async throws {
        var failures = 0, surprises: [String] = [], nodesEnded = 0
        let outcome = try await HostTrial.run(options, named: "strangers") { trial in
            let before = trial.workers
            Console.say(
                """
                | statement, by a token that may \(write ? "write" : "only read") | its own database | neighbours, at most | others, at most | the node |
                |---|---|---|---|---|
                """)
            for (number, statement) in HostileStatement.known.enumerated() where only.map({ statement.name.contains($0) }) ?? true {
                let attack = try await Attack(statement, number, canWrite: write, trial)
                let seen = try await attack.run()
                failures += seen.failures
                if let surprise = seen.surprise { surprises.append("\(statement.engine.rawValue), \(statement.name): \(surprise)") }
                Console.say(seen.row)
            }
            nodesEnded = before.count { trial.workers[$0.key] != $0.value }
        }
        for surprise in surprises { Console.say("\nnot as it must be: \(surprise)") }
        Console.say("\n\(outcome.acknowledged) inserts of the others acknowledged, \(outcome.lost) lost, \(failures) of their requests failed; \(nodesEnded) node processes ended.")
        guard outcome.isClean, failures == 0, surprises.isEmpty, nodesEnded == 0 else { throw ExitCode(1) }
    }
}

/// One statement, and what was seen while it was carried out.
private struct Attack {
    struct Seen {
        var row: String
        /// Requests that must not have failed.
        var failures: Int
        /// What is not as it must be.
        var surprise: String?
    }

    private let statement: HostileStatement
    private let id: String
    private let client: DataClient
    private let canWrite: Bool
    private let trial: HostTrial

    init(_ statement: HostileStatement, _ number: Int, canWrite: Bool, _ trial: HostTrial) async throws {
        self.statement = statement
        self.canWrite = canWrite
        self.trial = trial
        let (id, owner) = try await HostTrial.database("stranger-\(number)", statement.engine, on: trial.fleet)
        for sql in statement.preparation { try await owner.execute(sql) }
        try await owner.execute("SELECT 1")
        self.id = id
        client = DataClient(
            http: owner.http, url: owner.url, database: owner.database,
            token: try await Self.token(owner.database, canWrite ? "operate" : "read", trial.fleet), timeout: owner.timeout)
    }

    func run() async throws -> Seen {
        let places = trial.hosts()
        let (host, worker) = try place(in: places)
        let neighbours = trial.writers.filter { places[$0.id]?.host == host }, others = trial.writers.filter { places[$0.id]?.host != host }
        for writer in trial.writers { _ = writer.look() }
        let failedBefore = (Self.failures(neighbours), Self.failures(others))
        ProcessTable.forgetMostMemory(of: worker)
        let memoryBefore = ProcessTable.memory(of: worker).now
        let start = ContinuousClock.now, answer = await send(), time = ContinuousClock.now - start
        // Whoever had to wait has waited.
        for writer in trial.writers { try await writer.waitForAnswers() }
        let grown = max(0, ProcessTable.memory(of: worker).most - memoryBefore) >> 20
        let nodeLives = trial.workers.values.contains(worker)
        let hostLives = ProcessTable.runs(host)
        let failed = (Self.failures(neighbours) - failedBefore.0, Self.failures(others) - failedBefore.1)
        let own = "\(answer), \(Self.seconds(time)) s\(hostLives ? "" : ", its process ended")"
        let row = [
            "\(statement.engine.rawValue), \(statement.name)", own, Self.cell(neighbours, failed.0), Self.cell(others, failed.1),
            nodeLives ? "+\(grown) MiB" : "**ended**",
        ]
        return Seen(
            row: "| \(row.joined(separator: " | ")) |", failures: failed.1 + (hostLives ? failed.0 : 0),
            surprise: surprise(answer, hostLives: hostLives))
    }

    private func place(in places: [String: (host: Int32, worker: Int32)]) throws -> (host: Int32, worker: Int32) {
        guard let place = places[id.lowercased()] else { throw ChaosError("no engine host has \(client.database) open") }
        return place
    }

    private func surprise(_ answer: Answer, hostLives: Bool) -> String? {
        switch statement.outcome {
        case .hostMayEnd: return nil
        case .refused where answer == .answered, .refusedToReaders where answer == .answered && !canWrite: return "it was answered"
        case .hostLives, .refused, .refusedToReaders: return hostLives ? nil : "it ended its process"
        }
    }

    // MARK: Sending

    private enum Answer: Equatable, CustomStringConvertible {
        case answered
        case refused(String)
        case failed(String)

        var description: String {
            switch self {
            case .answered: "answered"
            case .refused(let code): "`\(code)`"
            case .failed(let reason): reason
            }
        }
    }

    private func send() async -> Answer {
        struct Body: Encodable {
            struct Statement: Encodable { var sql: String }
            var stmt: Statement
        }
        do {
            let body = String(decoding: try JSONEncoder().encode(Body(stmt: .init(sql: statement.sql))), as: UTF8.self)
            _ = try await client.send(ClientCall(path: "/v1/execute", body: body))
            return .answered
        } catch CallFailure.refused(let code, _) {
            return .refused(code)
        } catch {
            return .failed("\(error)")
        }
    }

    private static func token(_ database: String, _ scope: String, _ fleet: ChaosFleet) async throws -> String {
        struct Answer: Decodable { var secret: String }
        let answer = try await AdminClient(fleet: fleet).post("/v1/tokens", ["name": database, "scope": scope, "database": database], hasKey: false)
        guard answer.status == 201 else { throw ChaosError("no token for \(database): \(answer.body)") }
        return try JSONDecoder().decode(Answer.self, from: Data(answer.body.utf8)).secret
    }

    // MARK: Telling

    private static func failures(_ writers: [TrialWriter]) -> Int { writers.reduce(0) { $0 + $1.failures } }

    private static func cell(_ writers: [TrialWriter], _ failed: Int) -> String {
        guard let longest = writers.map({ $0.look() }).max() else { return "none" }
        return "\(longest.millisecondsRoundedUp) ms (\(failed))"
    }

    private static func seconds(_ duration: Duration) -> String { String(format: "%.1f", Double(duration.millisecondsRoundedUp) / 1_000) }
}
