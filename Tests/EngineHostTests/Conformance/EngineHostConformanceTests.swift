import BerthTestKit
import Changesets
import Engines
import FleetModel
import Foundation
import Hrana
import Synchronization
import Testing

@testable import EngineHost

/// What holds of every host, wherever it runs its engines.
@Suite(.serialized) struct EngineHostConformanceTests {
    private typealias Fixture = HostFixture

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func writesReadsCutsAndCloses(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let owner = RecordingOwner()
            let database = try await fixture.open(engine, owner: owner)
            let created = await database.serve(Fixture.call("create table t (a int)"))
            #expect(created.basis.mayHaveCommitted && owner.told.contains("committed \(created.basis.commit)"))
            _ = await database.serve(Fixture.call("insert into t values (41), (42)"))
            let read = await database.serve(Fixture.call("select sum(a) from t"))
            #expect(try Fixture.text(read).contains("83"))
            #expect(read.basis.showsData && !read.basis.mayHaveCommitted)
            guard case .cut(let cut) = try await database.cut(CutOrder(head: .origin, isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            #expect(cut.position.seq == 1 && cut.contents.size > 0 && cut.commit >= read.basis.commit)
            guard case .nothing = try await database.cut(CutOrder(head: cut.position, isWhole: false)) else {
                Issue.record("something was cut twice")
                return
            }
            #expect(await database.foldForClosing(head: cut.position) != .failed)
            #expect(await database.close(clean: false, because: BerthError(.shuttingDown, "bye")) == .dirty)
            #expect(Fixture.code(await database.serve(Fixture.call("select 1"))) != nil)
        }
    }

    /// What was committed and not published is in the files, for whoever opens them next under the same lease.
    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func whatWasCommittedIsThereAfterAnotherOpening(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            _ = await database.serve(Fixture.call("insert into t values (7)"))
            _ = await database.close(clean: false, because: BerthError(.shuttingDown, "bye"))
            let again = try await fixture.open(engine, database: id, content: .kept(nil))
            #expect(try Fixture.text(await again.serve(Fixture.call("select a from t"))).contains("7"))
            guard case .cut(let cut) = try await again.cut(CutOrder(head: .origin, isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            #expect(cut.position.seq == 1)
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aTransactionGoesOnOverRequests(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let owner = RecordingOwner()
            let database = try await fixture.open(engine, owner: owner)
            let begun = await database.serve(Fixture.pipeline(["create table t (a int)", "begin", "insert into t values (1)"]))
            let baton = try #require(try Fixture.baton(begun))
            #expect(begun.stream != nil)
            #expect(try Fixture.text(await database.serve(Fixture.call("select count(*) from t"))).contains(#""value":"0""#))
            let before = owner.told.count
            let ended = await database.serve(Fixture.pipeline(["insert into t values (2)", "commit"], baton: baton))
            #expect(ended.basis.mayHaveCommitted && owner.told.count > before)
            #expect(try Fixture.text(await database.serve(Fixture.call("select count(*) from t"))).contains(#""value":"2""#))
            // A baton is good once.
            #expect(try Fixture.text(await database.serve(Fixture.pipeline(["select 1"], baton: baton))).contains("STREAM_EXPIRED"))
        }
    }

    @Test(arguments: HostUnderTest.allCases) func aStreamWhoseAnswerIsNotGivenEnds(_ kind: HostUnderTest) async throws {
        try await withHosts(kind) { fixture in
            let database = try await fixture.open()
            _ = await database.serve(Fixture.call("create table t (a int)"))
            let begun = await database.serve(Fixture.pipeline(["begin", "insert into t values (1)"]))
            await database.discard(stream: begun.stream, cursor: nil)
            #expect(try Fixture.text(await database.serve(Fixture.pipeline(["commit"], baton: try Fixture.baton(begun)))).contains("STREAM_EXPIRED"))
            #expect(try Fixture.text(await database.serve(Fixture.call("insert into t values (2)"))).contains("affected_row_count"))
        }
    }

    @Test(arguments: HostUnderTest.allCases) func largeRequestsAndAnswersArrive(_ kind: HostUnderTest) async throws {
        try await withHosts(kind) { fixture in
            let database = try await fixture.open()
            let text = String(repeating: "x", count: 400_000)
            _ = await database.serve(Fixture.call("create table t (a text)"))
            _ = await database.serve(Fixture.call("insert into t values ('\(text)')"))
            #expect(try Fixture.text(await database.serve(Fixture.call("select a from t"))).contains(text))
            guard case .cut(let cut) = try await database.cut(CutOrder(head: .origin, isWhole: true)) else {
                Issue.record("nothing was cut")
                return
            }
            #expect(cut.contents.size > 0)
        }
    }

    /// It is made in a file, and outlives the host that made it. What it says is what a small one would.
    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aLargeChangesetIsAFile(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind, { configuration, _ in configuration.settings.changesetMemoryBytes = 256 << 10 }) { fixture in
            let database = try await fixture.open(engine)
            _ = await database.serve(Fixture.call("create table t (a text)"))
            guard case .cut(let small) = try await database.cut(CutOrder(head: .origin, isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            let text = String(repeating: "x", count: 1 << 20)
            _ = await database.serve(Fixture.call("insert into t values ('\(text)')"))
            guard case .cut(let large) = try await database.cut(CutOrder(head: small.position, isWhole: false)), case .file(let file) = large.contents
            else {
                Issue.record("no file was cut")
                return
            }
            // Then everything, which follows it as well.
            guard case .cut(let whole) = try await database.cut(CutOrder(head: large.position, isWhole: true)), case .file(let all) = whole.contents
            else {
                Issue.record("no file was cut")
                return
            }
            _ = await database.close(clean: false, because: BerthError(.shuttingDown, "bye"))
            await fixture.endProcesses()
            let engines = try Fixture.engines()
            let profile = try engines.engine(engine).profile
            let path = fixture.directory + "/restored"
            let files = try engines.engine(engine).build(at: path)
            switch small.contents {
            case .bytes(let bytes): try files.apply(try HADBP.decode(bytes, profile: profile).pages)
            case .file(let file): try files.apply(try HADBP.decode(file, profile: profile).pages)
            }
            let changeset = try HADBP.decode(file, profile: profile, expectedSeq: 2)
            #expect(changeset.chainChecksum == large.position.checksum && changeset.previousChecksum == small.position.checksum)
            try files.apply(changeset.pages)
            try files.apply(try HADBP.decode(all, profile: profile, expectedSeq: 3).pages)
            try files.finish()
            let restored = try engines.engine(engine).open(path, base: .restored)
            defer { restored.close() }
            let found = try restored.takeConnection().execute(SQLStatement("SELECT a FROM t"), limits: .unlimited)
            #expect(found.rows == [[.text(text)]])
        }
    }

    /// Somebody who reads, and goes on asking so as not to expire, while others write: the log does not grow for ever. Whoever it was is told why.
    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aTransactionThatHoldsTheLogIsEnded(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind, { configuration, _ in
            configuration.settings.checkpointBytes = 64 << 10
            configuration.settings.heldLogBytes = 512 << 10
        }) { fixture in
            let database = try await fixture.open(engine)
            _ = await database.serve(Fixture.call("create table t (a text)"))
            _ = await database.serve(Fixture.call("insert into t values ('before')"))
            let begun = await database.serve(Fixture.pipeline(["begin", "select count(*) from t"]))
            var baton = try #require(try Fixture.baton(begun))
            var head = ChainPosition.origin, ended: String?
            for _ in 0..<60 where ended == nil {
                _ = await database.serve(Fixture.call("insert into t values ('\(String(repeating: "x", count: 40_000))')"))
                if case .cut(let cut) = try await database.cut(CutOrder(head: head, isWhole: false)) { head = cut.position }
                let answer = await database.serve(Fixture.pipeline(["select count(*) from t"], baton: baton))
                let text = try Fixture.text(answer)
                if let next = try? Fixture.baton(answer) {
                    #expect(text.contains(engine == .sqlite ? #""value":"1""# : #""1""#), "its state is not the one it began with: \(text)")
                    baton = next
                } else { ended = text }
            }
            #expect(ended?.contains("READ_ENDED") == true, "\(ended ?? "it was never ended")")
            // Nobody holds it now: what comes next empties it.
            #expect(try Fixture.text(await database.serve(Fixture.call("select count(*) > 1 as more from t"))).contains("more"))
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func anAnswerInPiecesHasAllOfIt(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let database = try await fixture.open(engine)
            let rows = engine == .sqlite ? "with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) select x from c" : "select * from range(1, 20001)"
            let call = HostCall(
                route: .cursor, body: Array(#"{"batch":{"steps":[{"stmt":{"sql":\#(Fixture.quoted(rows))}}]}}"#.utf8), access: Fixture.access)
            let answer = await database.serve(call)
            var text = try Fixture.text(answer)
            var cursor = answer.cursor
            while let number = cursor, let piece = await database.nextPiece(ofCursor: number) {
                text += String(decoding: piece.lines, as: UTF8.self)
                if piece.isLast { cursor = nil }
            }
            #expect(text.split(separator: "\n").count { $0.contains(#""row""#) } == 20_000)
        }
    }

    @Test(arguments: HostUnderTest.allCases) func callsThatWaitTogetherAreAllAnswered(_ kind: HostUnderTest) async throws {
        try await withHosts(kind) { fixture in
            let database = try await fixture.open()
            _ = await database.serve(Fixture.call("create table t (a int)"))
            await withTaskGroup(of: Void.self) { group in
                for value in 1...200 {
                    group.addTask {
                        let answer = await database.serve(Fixture.call("insert into t values (\(value))"))
                        #expect(answer.basis.mayHaveCommitted)
                    }
                }
            }
            #expect(try Fixture.text(await database.serve(Fixture.call("select sum(a) from t"))).contains("20100"))
        }
    }

    @Test(arguments: HostUnderTest.allCases) func whoeverDrainsTakesNoNewWork(_ kind: HostUnderTest) async throws {
        try await withHosts(kind) { fixture in
            let database = try await fixture.open()
            _ = await database.serve(Fixture.call("create table t (a int)"))
            await database.drain(until: BootClock().now() + .seconds(60))
            #expect(Fixture.code(await database.serve(Fixture.call("select 1"))) == .notLeader)
            await database.resume()
            #expect(try Fixture.text(await database.serve(Fixture.call("select 6 * 7"))).contains("42"))
        }
    }

    /// Who loses a lease closes what is being closed as idle.
    @Test(arguments: HostUnderTest.allCases) func whatIsClosedSeveralTimesIsClosedOnce(_ kind: HostUnderTest) async throws {
        try await withHosts(kind, { $1.sqliteHosts = 1 }) { fixture in
            let bye = BerthError(.shuttingDown, "bye")
            let one = try await fixture.open(), other = try await fixture.open()
            async let idle = one.closeIfAtRest(head: .origin)
            async let lost = one.close(clean: false, because: bye)
            async let again = one.close(clean: true, because: bye)
            _ = await (idle, lost, again)
            #expect(await one.close(clean: false, because: bye) == .dirty)
            #expect(try HostFixture.text(await other.serve(HostFixture.call("select 6 * 7"))).contains("42"), "its neighbour is open")
            _ = await other.close(clean: false, because: bye)
            try await becomesTrue("no descriptors are taken") { fixture.host.descriptors.taken == 0 }
            #expect(try HostFixture.text(await fixture.open().serve(HostFixture.call("select 6 * 7"))).contains("42"), "others are opened")
        }
    }

    @Test(arguments: HostUnderTest.allCases) func behindAClosedGateNothingIsBegun(_ kind: HostUnderTest) async throws {
        try await withHosts(kind) { fixture in
            fixture.gate.withLock { $0 = BootInstant(nanoseconds: 0) }
            let owner = RecordingOwner()
            let database = try await fixture.open(owner: owner)
            let create = Fixture.call("create table t (a int)")
            #expect(Fixture.code(await database.serve(create)) == .leaderUnavailable)
            fixture.gate.withLock { $0 = .now + .seconds(3_600) }
            #expect(try Fixture.text(await database.serve(create)).contains("affected_row_count"))
            fixture.gate.withLock { $0 = .now }
            #expect(Fixture.code(await database.serve(Fixture.call("select 1"))) == .leaderUnavailable)
            #expect(owner.told.count { $0.hasPrefix("committed") } == 1)
        }
    }

    @Test(arguments: HostUnderTest.allCases) func aTokenThatOnlyReadsWritesNothing(_ kind: HostUnderTest) async throws {
        try await withHosts(kind) { fixture in
            let owner = RecordingOwner()
            let database = try await fixture.open(owner: owner)
            let answer = await database.serve(Fixture.call("create table t (a int)", isReadOnly: true))
            #expect(!answer.basis.mayHaveCommitted && owner.told.isEmpty)
            #expect(try Fixture.text(await database.serve(Fixture.call("select count(*) from sqlite_schema"))).contains(#""value":"0""#))
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func anUnusedDatabaseIsClosedAndTakesNoDescriptors(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let database = try await fixture.open(engine)
            _ = await database.serve(Fixture.call("create table t (a int)"))
            guard case .cut(let cut) = try await database.cut(CutOrder(head: .origin, isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            // What the log holds may have to be moved into the files and cut as well.
            var closing = await database.closeIfAtRest(head: cut.position)
            if closing == nil, case .cut(let rest) = try await database.cut(CutOrder(head: cut.position, isWhole: false)) {
                closing = await database.closeIfAtRest(head: rest.position)
            }
            #expect(closing == .clean)
            try await becomesTrue("none are taken") { fixture.host.descriptors.taken == 0 }
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func filesThatAreNoDatabaseAreFoundOut(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind) { fixture in
            let path = fixture.directory + "/db"
            try Data("this is no database, and no engine takes it for one".utf8).write(to: URL(fileURLWithPath: path))
            let error = await #expect(throws: HostFailure.self) { try await fixture.host.verify(path, engine) }
            if case .engine = error {} else { Issue.record("it is \(String(describing: error))") }
        }
    }
}
