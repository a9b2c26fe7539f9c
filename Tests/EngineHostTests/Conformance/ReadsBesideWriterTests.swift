import BerthTestKit
import Engines
import FleetModel
import Foundation
import Hrana
import Synchronization
import Testing

@testable import EngineHost

/// Reads beside the writer, of every host and both engines.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ReadsBesideWriterTests {
    private typealias Fixture = HostFixture

    /// A query that never ends by itself.
    private static func endless(_ engine: EngineKind) -> String {
        switch engine {
        case .sqlite: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        case .duckdb: "SELECT count(*) FROM range(1000000000000) a(i) WHERE hash(i) = 7"
        }
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        func set() { value.store(true, ordering: .releasing) }
    }

    private func begin(_ count: Int, of database: any HostedDatabase, _ engine: EngineKind) -> [Task<HostAnswer, Never>] {
        (0..<count).map { _ in Task { await database.serve(Fixture.call(Self.endless(engine), isReadOnly: true)) } }
    }

    private func end(_ reads: [Task<HostAnswer, Never>]) async -> [HostAnswer] {
        for read in reads { read.cancel() }
        var answers: [HostAnswer] = []
        for read in reads { answers.append(await read.value) }
        return answers
    }

    private func count(_ answer: HostAnswer) throws -> Int {
        struct Body: Decodable {
            struct Result: Decodable { var rows: [[Value]] }
            struct Value: Decodable { var value: String }
            var result: Result
        }
        return try #require(Int(JSONDecoder().decode(Body.self, from: Data(answer.content.get().body)).result.rows[0][0].value))
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aLongReadHoldsUpNoWriteNoCutAndNoOtherRead(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            let reads = begin(2, of: database, engine)
            try await becomesTrue("both are read") { fixture.executing(id) == 2 }
            let written = await database.serve(Fixture.call("insert into t values (41), (42)"))
            #expect(written.basis.mayHaveCommitted)
            #expect(try count(await database.serve(Fixture.call("select sum(a) from t"))) == 83)
            guard case .cut(let cut) = try await database.cut(CutOrder(head: .origin, isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            #expect(cut.commit >= written.basis.commit)
            #expect(fixture.executing(id) == 2, "they go on")
            for answer in await end(reads) { #expect(try Fixture.text(answer).contains("STREAM_EXPIRED") || Fixture.text(answer).contains("INTERRUPT")) }
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func longReadsOfOneDatabaseLeaveThreadsForOthersAndForItsWriter(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind, { $0.settings.readers = 3; $1.sqliteHosts = 1 }) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id), other = try await fixture.open(engine)
            let reads = begin(5, of: database, engine)
            try await becomesTrue("as many are read as may be") { fixture.executing(id) == 3 }
            #expect(await database.serve(Fixture.call("create table t (a int)")).basis.mayHaveCommitted)
            #expect(await other.serve(Fixture.call("create table t (a int)")).basis.mayHaveCommitted)
            #expect(try count(await other.serve(Fixture.call("select 6 * 7"))) == 42)
            #expect(fixture.executing(id) == 3)
            let waits = Task { await database.serve(Fixture.call("select 7 * 7")) }
            _ = await end(reads)
            #expect(try count(await waits.value) == 49)
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aReadThatIsInterruptedLeavesTheOthers(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id)
            let first = begin(1, of: database, engine), second = begin(1, of: database, engine)
            try await becomesTrue("both are read") { fixture.executing(id) == 2 }
            _ = await end(first)
            try await becomesTrue("one is left") { fixture.executing(id) == 1 }
            #expect(try count(await database.serve(Fixture.call("select 6 * 7"))) == 42)
            #expect(fixture.executing(id) == 1)
            _ = await end(second)
        }
    }

    /// What confirms an answer, a cut that contains the commit it rests on, contains everything that it shows.
    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func anAnswerShowsNothingBeyondWhatItRestsOn(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let owner = RecordingOwner()
            let database = try await fixture.open(engine, owner: owner)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            let isOver = Flag()
            let reading = (0..<3).map { _ in
                Task {
                    var seen: [(rows: Int, commit: UInt64)] = []
                    while !isOver.isSet {
                        let answer = await database.serve(Fixture.call("select count(*) from t"))
                        #expect(answer.basis.showsData && !answer.basis.mayHaveCommitted)
                        #expect(owner.told.contains("committed \(answer.basis.commit)"), "its owner knows it already")
                        seen.append((try count(answer), answer.basis.commit))
                    }
                    return seen
                }
            }
            var cuts: [UInt64] = [], head = ChainPosition.origin
            for row in 1...60 {
                _ = await database.serve(Fixture.call("insert into t values (\(row))"))
                guard case .cut(let cut) = try await database.cut(CutOrder(head: head, isWhole: false)) else { continue }
                head = cut.position
                cuts.append(cut.commit)
            }
            isOver.set()
            try #require(cuts.count == 60)
            for task in reading {
                for (rows, commit) in try await task.value {
                    let confirming = cuts.firstIndex { $0 >= commit } ?? 59
                    #expect(rows <= confirming + 1, "\(rows) rows rest on \(commit), which a cut of \(confirming + 1) rows contains")
                }
            }
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func severalReadsOfOneCallShowOneState(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let database = try await fixture.open(engine)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            _ = await database.serve(Fixture.call("insert into t values (0)"))
            let step = #"{"stmt":{"sql":"select a from t"}}"#
            let call = HostCall(
                route: .v1Batch, body: Array(#"{"batch":{"steps":[\#(step),\#(step),{"stmt":{"sql":"select nothing from t"}},\#(step)]}}"#.utf8), access: Fixture.access)
            let isOver = Flag()
            let writes = Task {
                while !isOver.isSet { _ = await database.serve(Fixture.call("update t set a = a + 1")) }
            }
            for _ in 0..<40 {
                struct Body: Decodable {
                    struct Result: Decodable { var step_results: [Rows?]; var step_errors: [Failure?] }
                    struct Rows: Decodable { var rows: [[Value]] }
                    struct Value: Decodable { var value: String }
                    struct Failure: Decodable { var code: String }
                    var result: Result
                }
                let body = try JSONDecoder().decode(Body.self, from: Data(await database.serve(call).content.get().body)).result
                #expect(body.step_results[0]?.rows[0][0].value == body.step_results[1]?.rows[0][0].value)
                #expect(body.step_errors[2] != nil && body.step_results[3] != nil, "an error of one ends no other")
            }
            isOver.set()
            await writes.value
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func closingEndsWhatIsReadAndWhatWaits(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind, { configuration, _ in configuration.settings.readers = 2 }) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id)
            let reads = begin(3, of: database, engine)
            try await becomesTrue("two are read") { fixture.executing(id) == 2 }
            #expect(await database.close(clean: false, because: BerthError(.shuttingDown, "bye")) == .dirty)
            for read in reads {
                let answer = await read.value
                #expect(Fixture.code(answer) == .shuttingDown && answer.mayBeMadeAgain && answer.basis == .nothing)
            }
            try await becomesTrue("no descriptors are taken") { fixture.host.descriptors.taken == 0 }
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func drainingWaitsForReadsAndEndsThemAtItsDeadline(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id)
            let reads = begin(2, of: database, engine)
            try await becomesTrue("both are read") { fixture.executing(id) == 2 }
            let isDrained = Flag()
            let drain = Task {
                await database.drain(until: BootClock().now() + .seconds(3_600))
                isDrained.set()
            }
            try await becomesTrue("nothing new is taken in") { Fixture.code(await database.serve(Fixture.call("select 1"))) == .notLeader }
            #expect(!isDrained.isSet && fixture.executing(id) == 2)
            _ = await end([reads[0]])
            #expect(!isDrained.isSet)
            await database.drain(until: BootClock().now())
            await drain.value
            let answer = await reads[1].value
            #expect(Fixture.code(answer) == .notLeader && answer.basis == .nothing)
            await database.resume()
            #expect(try count(await database.serve(Fixture.call("select 6 * 7"))) == 42)
        }
    }

    /// A client that keeps its stream reads beside the writer, too, as long as it has no transaction open.
    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aLongReadOfAStreamHoldsUpNobodyEither(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            let read = Task { await database.serve(Fixture.pipeline(["select 6 * 7", Self.endless(engine)])) }
            try await becomesTrue("it is read") { fixture.executing(id) == 1 }
            #expect(await database.serve(Fixture.call("insert into t values (1)")).basis.mayHaveCommitted)
            guard case .cut = try await database.cut(CutOrder(head: .origin, isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            #expect(fixture.executing(id) == 1)
            read.cancel()
            #expect(try Fixture.text(await read.value).contains("42"))
        }
    }

    private func rows(_ sql: String) -> HostCall {
        HostCall(route: .cursor, body: Array(#"{"batch":{"steps":[{"stmt":{"sql":\#(Fixture.quoted(sql))}}]}}"#.utf8), access: Fixture.access)
    }

    private static func numbers(_ engine: EngineKind, _ count: Int) -> String {
        switch engine {
        case .sqlite: "with recursive c(x) as (select 1 union all select x + 1 from c where x < \(count)) select x, (select count(*) from t) from c"
        case .duckdb: "select i, (select count(*) from t) from range(1, \(count + 1)) r(i)"
        }
    }

    /// Rows that are sent while they are made, and take for ever to make.
    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func rowsThatTakeLongToMakeHoldUpNobody(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            let read = Task { await database.serve(rows(Self.endless(engine))) }
            try await becomesTrue("it is read") { fixture.executing(id) == 1 }
            #expect(await database.serve(Fixture.call("insert into t values (1)")).basis.mayHaveCommitted)
            guard case .cut = try await database.cut(CutOrder(head: .origin, isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            // Its first rows may be another piece than its beginning.
            try await becomesTrue("it goes on") { fixture.executing(id) == 1 }
            read.cancel()
            _ = await read.value
            #expect(try count(await database.serve(Fixture.call("select count(*) from t"))) == 1)
        }
    }

    /// They show the state at their beginning, however long their client takes.
    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func rowsShowTheStateAtTheirBeginning(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let database = try await fixture.open(engine)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            let first = await database.serve(rows(Self.numbers(engine, 30_000)))
            var text = try Fixture.text(first), cursor = first.cursor
            #expect(cursor != nil && first.basis.showsData)
            let written = await database.serve(Fixture.call("insert into t values (1)"))
            #expect(written.basis.commit > first.basis.commit)
            while let number = cursor, let piece = await database.nextPiece(ofCursor: number) {
                text += String(decoding: piece.lines, as: UTF8.self)
                #expect(piece.basis.commit == first.basis.commit)
                if piece.isLast { cursor = nil }
            }
            #expect(text.split(separator: "\n").count { $0.contains(#""type":"row""#) } == 30_000)
            #expect(!text.contains(#""value":"1"}]}"#), "no row counts what was written later")
            #expect(text.contains("step_end"))
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func rowsEndWithTheirDatabaseAndGiveTheirReadersBack(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            // More than may read at once: nobody reads while a client takes its time.
            var answers: [HostAnswer] = []
            for _ in 0..<6 { answers.append(await database.serve(rows(Self.numbers(engine, 30_000)))) }
            #expect(answers.allSatisfy { $0.cursor != nil })
            await database.discard(stream: nil, cursor: answers[0].cursor)
            #expect(try count(await database.serve(Fixture.call("select 6 * 7"))) == 42)
            let endless = Task { await database.serve(rows(Self.endless(engine))) }
            try await becomesTrue("it is read") { fixture.executing(id) == 1 }
            #expect(await database.close(clean: false, because: BerthError(.shuttingDown, "bye")) == .dirty)
            _ = await endless.value
            try await becomesTrue("no descriptors are taken") { fixture.host.descriptors.taken == 0 }
        }
    }

    /// A connection keeps memory and descriptors, of which thousands of databases that are read now and then would have too many.
    @Test(arguments: HostUnderTest.allCases) func connectionsThatNobodyReadsWithAreClosed(_ kind: HostUnderTest) async throws {
        let adjust: Fixture.Adjustment = { configuration, _ in
            configuration.settings.readerIdleTimeout = .milliseconds(40)
            configuration.settings.expiryInterval = .milliseconds(10)
        }
        try await withHosts(kind, adjust) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(.sqlite, database: id)
            let unread = SQLiteEngine().openingDescriptors
            try await becomesTrue("it is open, and nobody reads") { fixture.host.descriptors.taken == unread }
            let long = begin(1, of: database, .sqlite)
            try await becomesTrue("it is read") { fixture.executing(id) == 1 }
            #expect(try count(await database.serve(Fixture.call("select 6 * 7"))) == 42)
            // SQLite gives the descriptors of the main file back when all of its connections are closed.
            try await becomesTrue("of two readers the one that nobody uses is closed") { fixture.host.descriptors.taken == unread + 3 }
            #expect(fixture.executing(id) == 1, "what is being read is left")
            _ = await end(long)
            try await becomesTrue("so is the other") { fixture.host.descriptors.taken == unread + 2 }
            #expect(try count(await database.serve(Fixture.call("select 6 * 7"))) == 42, "the next read opens one again")
            try await becomesTrue("which is closed as well") { fixture.host.descriptors.taken == unread + 2 }
        }
    }

    /// A view that takes the next number of a sequence: neither its words nor its type tell.
    @Test(arguments: HostUnderTest.allCases) func whatOnlyLooksLikeAReadIsCarriedOutAsAWrite(_ kind: HostUnderTest) async throws {
        try await withHosts(kind) { fixture in
            let owner = RecordingOwner()
            let database = try await fixture.open(.duckdb, owner: owner)
            _ = await database.serve(Fixture.call("create sequence s"))
            _ = await database.serve(Fixture.call("create view v as select nextval('s') as n"))
            for number in 1...3 {
                let told = owner.told.count
                let answer = await database.serve(Fixture.call("select n from v"))
                #expect(try count(answer) == number)
                #expect(answer.basis.mayHaveCommitted && owner.told.count > told)
            }
            #expect(try Fixture.text(await database.serve(Fixture.call("select n from v", isReadOnly: true))).contains("BLOCKED"))
        }
    }
}
