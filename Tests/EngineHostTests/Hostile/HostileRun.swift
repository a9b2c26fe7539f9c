import BerthTestKit
import Chaos
import Engines
import FleetModel
import Foundation
import Synchronization
import Testing

@testable import EngineHost

/// A database that is sent hostile statements, and one beside it, in another host, that must notice nothing.
final class HostileRun {
    private let fixture: HostFixture
    private let engine: EngineKind
    private let neighbour: any HostedDatabase
    private let neighbourOwner = RecordingOwner()
    private var neighbourRows = 0
    private var victim: Victim
    /// Databases that were well to the end, or until they were refused.
    private var earlier: [Victim] = []
    private(set) var hostsEnded = 0
    private(set) var quarantined = 0

    private struct Victim {
        var id: DatabaseID
        var owner: RecordingOwner
        var database: any HostedDatabase
        /// Rows that were acknowledged.
        var kept = 0
        /// An insert was not answered: it may be there or not.
        var perhaps = 0
    }

    /// Little time and memory, so that what has no end ends soon.
    static func limits(_ configuration: inout HostConfiguration, _ settings: inout ProcessHostSettings) {
        configuration.settings.statementTimeout = .milliseconds(300)
        configuration.limits.watchdogGrace = .milliseconds(500)
        configuration.limits.memoryBytes = 384 << 20
        settings.watchInterval = .milliseconds(10)
        settings.quarantine.refusal = .seconds(5)
    }

    init(_ fixture: HostFixture, _ engine: EngineKind) async throws {
        self.fixture = fixture
        self.engine = engine
        neighbour = try await fixture.open(owner: neighbourOwner)
        _ = await neighbour.serve(HostFixture.call("create table n (a int)"))
        victim = try await Self.newVictim(fixture, engine)
    }

    private static func newVictim(_ fixture: HostFixture, _ engine: EngineKind) async throws -> Victim {
        let id = DatabaseID.random(), owner = RecordingOwner()
        let victim = Victim(id: id, owner: owner, database: try await fixture.open(engine, database: id, owner: owner))
        #expect(try HostFixture.text(await victim.database.serve(HostFixture.call("create table kept (a int)"))).contains("cols"))
        return victim
    }

    // MARK: One statement

    /// Sends a statement, and looks at what has to hold afterwards.
    func send(_ statement: HostileStatement, isReadOnly: Bool) async throws {
        try await prepare(for: statement)
        let answer = Mutex<HostAnswer?>(nil), database = victim.database
        let call = HostFixture.call(statement.sql, isReadOnly: isReadOnly)
        let asking = Task {
            let given = await database.serve(call)
            answer.withLock { $0 = given }
        }
        defer { asking.cancel() }
        // The time is far above what a statement and the grace after it may take: what is looked for is a wait without an end.
        try await becomesTrue("“\(statement)” is answered", within: .seconds(60)) {
            try await askNeighbour(beside: statement)
            return answer.withLock { $0 != nil }
        }
        if let given = answer.withLock({ $0 }) {
            try check(given, of: statement)
            expect(given, from: statement, isReadOnly: isReadOnly)
            if Self.hostEnded(given) { try await openAgain(after: statement) }
        }
        try await keepOneMore(after: statement)
    }

    /// Has its database made ready by somebody who may write.
    private func prepare(for statement: HostileStatement) async throws {
        try await becomesTrue("the database is ready for “\(statement)”") {
            for sql in statement.preparation {
                let answer = await victim.database.serve(HostFixture.call(sql))
                if Self.hostEnded(answer) {
                    try await openAgain(after: statement)
                    return false
                }
                // The time of a statement is short here, and the machine may be busy.
                guard case .success(let reply) = answer.content, reply.status == 200 else { return false }
            }
            return true
        }
    }

    /// Whether it came out as it must.
    private func expect(_ answer: HostAnswer, from statement: HostileStatement, isReadOnly: Bool) {
        let mustBeRefused: Bool
        switch statement.outcome {
        case .hostMayEnd: return
        case .hostLives: mustBeRefused = false
        case .refusedToReaders: mustBeRefused = isReadOnly
        case .refused: mustBeRefused = true
        }
        #expect(!Self.hostEnded(answer), "\(statement)")
        if mustBeRefused, case .success(let reply) = answer.content {
            #expect(reply.status == 400, "\(statement), by a token that may \(isReadOnly ? "only read" : "write"): \(String(decoding: reply.body.prefix(300), as: UTF8.self))")
        }
    }

    /// An answer is a result, or an error with a code and a message. None tells where a node has its files.
    private func check(_ answer: HostAnswer, of statement: HostileStatement) throws {
        switch answer.content {
        case .failure(let error):
            #expect(Self.codes.contains(error.code), "\(statement): \(error)")
        case .success(let reply):
            // Infinity is written as a number beyond those Foundation reads.
            let text = String(decoding: reply.body, as: UTF8.self).replacing("1e999", with: "1")
            #expect(!text.contains(fixture.directory), "\(statement)")
            let body = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(statement)")
            if reply.status == 200 {
                #expect(body["result"] != nil, "\(statement)")
            } else {
                let code = try #require(body["code"] as? String, "\(statement)"), message = try #require(body["message"] as? String, "\(statement)")
                #expect(reply.status == 400 && !code.isEmpty && !message.isEmpty, "\(statement): \(code), \(message)")
            }
        }
    }

    /// Errors that say what became of a request, and none that says the host does not know either.
    private static let codes: Set<BerthError.Code> = [
        .malformedRequest, .bodyTooLarge, .invalidArgument, .leaderUnavailable, .outcomeUnknown, .databaseBusy, .nodeBusy, .timedOut, .diskUnavailable,
    ]

    private static func hostEnded(_ answer: HostAnswer) -> Bool {
        switch HostFixture.code(answer) {
        case .leaderUnavailable, .outcomeUnknown, .notLeader, .databaseUnopenable: true
        default: answer.mayBeMadeAgain
        }
    }

    // MARK: Whom it must not harm

    private func askNeighbour(beside statement: HostileStatement) async throws {
        let written = await neighbour.serve(HostFixture.call("insert into n values (\(neighbourRows))"))
        #expect(HostFixture.code(written) == nil, "beside \(statement)")
        neighbourRows += 1
        let read = try HostFixture.text(await neighbour.serve(HostFixture.call("select 'rows ' || count(*) from n")))
        #expect(read.contains("\"rows \(neighbourRows)\""), "beside \(statement): \(read)")
        #expect(!neighbourOwner.told.contains { $0.hasPrefix("lost") }, "beside \(statement)")
    }

    /// A row is acknowledged, and all of those that were are there.
    private func keepOneMore(after statement: HostileStatement) async throws {
        // A host may end after its last answer, and take a request with it.
        for _ in 0..<3 {
            let written = await victim.database.serve(HostFixture.call("insert into kept values (\(victim.kept))"))
            if Self.hostEnded(written) {
                victim.perhaps += 1
                try await openAgain(after: statement)
                continue
            }
            if case .success(let reply) = written.content, reply.status == 200 { victim.kept += 1 }
            let read = await victim.database.serve(Self.countKept)
            if Self.hostEnded(read) {
                try await openAgain(after: statement)
                continue
            }
            // What a statement left behind may have taken so much memory that this one is ended as well; at the end it is not asked twice.
            if case .success(let reply) = read.content, reply.status == 400 { return }
            try expectRows(of: victim, in: read, "after \(statement)")
            return
        }
        Issue.record("its host ended again and again, with nothing that could end it, after \(statement)")
    }

    /// What was acknowledged is there, and nothing that was not sent.
    private func expectRows(of victim: Victim, in answer: HostAnswer, _ when: String) throws {
        let text = try HostFixture.text(answer)
        #expect((victim.kept...victim.kept + victim.perhaps).contains { text.contains("\"rows \($0)\"") }, "\(victim.kept) rows \(when): \(text)")
    }

    /// After the end of a host its database opens in another one, or is refused with a reason.
    private func openAgain(after statement: HostileStatement) async throws {
        let (owner, id) = (RecordingOwner(), victim.id)
        try await becomesTrue("the owner is told after \(statement)") { victim.owner.told.contains { $0.hasPrefix("lost") } }
        hostsEnded += 1
        let opening = try fixture.opening(engine, database: id, content: .kept(nil))
        do throws(OpeningFailure) {
            victim.database = try await fixture.host.open(opening, for: owner)
            victim.owner = owner
        } catch {
            guard case .quarantined(let refused) = error else { throw error }
            #expect(!refused.reason.isEmpty && fixture.processes.quarantined[id] != nil)
            quarantined += 1
            earlier.append(victim)
            victim = try await Self.newVictim(fixture, engine)
        }
    }

    // MARK: The end

    /// What is left is whole, and everything that was acknowledged is there.
    func finish() async throws {
        #expect(!FileManager.default.fileExists(atPath: HostileStatement.stolenPath))
        _ = await victim.database.close(clean: false, because: BerthError(.shuttingDown, "bye"))
        _ = await neighbour.close(clean: false, because: BerthError(.shuttingDown, "bye"))
        for one in earlier + [victim] {
            let copy = LocalCopy(database: one.id, in: fixture.directory).filePath
            try await fixture.processes.verify(copy, engine)
            try await becomesTrue("it is not refused any more") { fixture.processes.quarantined[one.id] == nil }
            let database = try await fixture.open(engine, database: one.id, content: .kept(nil))
            try expectRows(of: one, in: await database.serve(Self.countKept), "in the end")
            _ = await database.close(clean: false, because: BerthError(.shuttingDown, "bye"))
        }
    }

    private static let countKept = HostFixture.call("select 'rows ' || count(*) from kept")
}
