import BerthTestKit
import Engines
import FleetModel
import Foundation
import Testing

@testable import EngineHost

/// Whatever a statement does, it does to its own database: the process that runs it may end, and nothing else.
@Suite(.serialized, .timeLimit(.minutes(10))) struct HostileSQLTests {
    /// Statements per engine: the environment's `BERTH_HOSTILE_STATEMENTS`, for longer runs, and `BERTH_HOSTILE_SEED` for others.
    private static func setting(_ name: String, default value: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? value
    }

    @Test(arguments: EngineKind.allCases) func knownStatementsHarmNobodyElse(_ engine: EngineKind) async throws {
        let outcome = try await run(engine, HostileSQL.known(engine).map(\.statement))
        // Otherwise nothing of what this is about would have happened.
        #expect(outcome.hostsEnded > 0 && outcome.errors > 0)
    }

    @Test(arguments: EngineKind.allCases) func generatedStatementsHarmNobodyElse(_ engine: EngineKind) async throws {
        var hostile = HostileSQL(engine, seed: UInt64(Self.setting("BERTH_HOSTILE_SEED", default: 1)))
        let statements = (0..<Self.setting("BERTH_HOSTILE_STATEMENTS", default: 60)).map { _ in hostile.next() }
        let outcome = try await run(engine, statements)
        #expect(outcome.results > 0 && outcome.errors > 0)
        if statements.count > 100 { print("\(engine): \(outcome)") }
    }

    @Test func theSameSeedMakesTheSameStatements() {
        for engine in EngineKind.allCases {
            var one = HostileSQL(engine, seed: 5), other = HostileSQL(engine, seed: 5), third = HostileSQL(engine, seed: 6)
            let statements = (0..<40).map { _ in one.next() }
            #expect(statements == (0..<40).map { _ in other.next() })
            #expect(statements != (0..<40).map { _ in third.next() })
        }
    }

    private struct Outcome {
        var results = 0, errors = 0, hostsEnded = 0
    }

    private func run(_ engine: EngineKind, _ statements: [HostileSQL.Statement]) async throws -> Outcome {
        var outcome = Outcome()
        try await withHosts(.process, { configuration, settings in
            configuration.settings.statementTimeout = .milliseconds(200)
            configuration.settings.requestTimeout = .milliseconds(400)
            configuration.limits.watchdogGrace = .milliseconds(400)
            configuration.limits.memoryBytes = 384 << 20
            settings.sqliteHosts = 2
        }) { fixture in
            let neighbour = try await fixture.open(engine)
            _ = await neighbour.serve(HostFixture.call("create table n as select 6 as a, 7 as b"))
            var victim = try await Victim(engine, fixture)
            for (number, statement) in statements.enumerated() {
                let comment = Comment(rawValue: "statement \(number): \(statement.sql.prefix(300))")
                let answer = await victim.database.serve(HostFixture.call(statement.sql, isReadOnly: statement.isReadOnly))
                switch answer.content {
                case .success(let reply):
                    // A result, or an error with a code.
                    let body = try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
                    if reply.status == 200 { outcome.results += 1 } else { outcome.errors += 1 }
                    #expect(reply.status == 200 && body?["result"] != nil || reply.status == 400 && (body?["code"] as? String)?.isEmpty == false, comment)
                case .failure(let error):
                    outcome.hostsEnded += 1
                    #expect([.leaderUnavailable, .outcomeUnknown, .malformedRequest, .bodyTooLarge].contains(error.code), "\(comment): \(error)")
                }
                // Others notice nothing.
                #expect(try HostFixture.text(await neighbour.serve(HostFixture.call("select a * b from n"))).contains("42"), comment)
                try await victim.goOn(fixture, comment)
            }
            try await victim.check(fixture, "at the end")
        }
        return outcome
    }
}

/// The database whose client is hostile, and what was acknowledged to its owner.
private struct Victim {
    let engine: EngineKind
    var id = DatabaseID.random()
    var database: any HostedDatabase
    var owner = RecordingOwner()
    var kept = 0

    init(_ engine: EngineKind, _ fixture: HostFixture) async throws {
        self.engine = engine
        database = try await fixture.open(engine, database: id, owner: owner)
        try await begin()
    }

    private mutating func begin() async throws {
        let created = await database.serve(HostFixture.call("create table kept (v integer)"))
        #expect(created.basis.mayHaveCommitted)
        kept = 0
    }

    private var isLost: Bool { owner.told.contains { $0.hasPrefix("lost") } }

    /// Opens it again when its host ended; and another one when this one is not opened any more.
    mutating func goOn(_ fixture: HostFixture, _ comment: Comment) async throws {
        // A commit now and then, of which something must be left.
        if await HostFixture.code(database.serve(HostFixture.call("insert into kept values (1)"))) == nil { kept += 1 }
        guard isLost else { return }
        owner = RecordingOwner()
        do {
            database = try await fixture.open(engine, database: id, content: .kept(nil), owner: owner)
            try await check(fixture, comment)
        } catch OpeningFailure.quarantined(let quarantined) {
            #expect(!quarantined.reason.isEmpty && quarantined.remaining > .zero, comment)
            id = .random()
            database = try await fixture.open(engine, database: id, owner: owner)
            try await begin()
        }
    }

    /// What was acknowledged is there.
    func check(_ fixture: HostFixture, _ comment: Comment) async throws {
        let found = try HostFixture.text(await database.serve(HostFixture.call("select count(*) >= \(kept) as complete from kept")))
        #expect(found.contains(engine == .sqlite ? #""value":"1""# : "1") || found.contains("true"), "\(comment): \(found)")
    }
}
