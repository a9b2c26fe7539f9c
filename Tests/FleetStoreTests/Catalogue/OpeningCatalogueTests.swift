import BerthTestKit
import FleetModel
import FleetStore
import Leases
import Testing

/// What leaders say of opening their databases, and what follows from it for whoever asks.
@Suite(.timeLimit(.minutes(2)))
struct OpeningCatalogueTests {
    /// A database led by a node.
    private func led() async throws -> (stage: CatalogueStage, id: DatabaseID, session: SessionID) {
        let stage = try await CatalogueStage()
        let session = try await stage.node("node-1")
        return (stage, try await stage.ledDatabase("shop", on: "node-1", by: session), session)
    }

    private func status(_ id: DatabaseID, in stage: CatalogueStage) async throws -> DatabaseStatus {
        try #require(try await stage.catalogue.database(id))
    }

    private let broken = UnopenableState(seq: 7, code: "DUCKDB_CATALOG", reason: "a log")

    @Test func servedIsWhatTheLeaderOfThisEpochSays() async throws {
        let (stage, id, session) = try await led()
        #expect(try await status(id, in: stage).condition == .unopened)
        try await stage.catalogue.reportServed([(id, Epoch(2))], by: session)
        try await stage.catalogue.reportServed([(id, Epoch(1))], by: try await stage.node("node-2"))
        try await stage.catalogue.reportServed([], by: session)
        #expect(try await !status(id, in: stage).isServed, "another epoch, another session")
        try await stage.catalogue.reportServed([(id, Epoch(1))], by: session)
        #expect(try await status(id, in: stage).condition == .serving)
        try await stage.end(session)
        #expect(try await status(id, in: stage).condition == .unled)
        // The next leader has not opened it.
        let other = try await stage.node("node-2")
        _ = try await stage.leases.acquire([id], for: other)
        #expect(try await status(id, in: stage).condition == .unopened)
    }

    /// While a fleet is upgraded, moves to nodes that are not must come to an end.
    @Test func ofAnOlderProgramLeadingIsEnough() async throws {
        let stage = try await CatalogueStage()
        let old = NewSession(
            id: .random(), node: try NodeName("node-1"), role: .node, address: "http://node-1:1", program: ProgramVersion(name: "", protocol: 0, format: 1))
        try await stage.leases.openSession(old)
        let id = try await stage.ledDatabase("shop", on: "node-1", by: old.id)
        #expect(try await status(id, in: stage).isServed)
        #expect(try await stage.catalogue.unserved(among: [id]) == [])
    }

    /// The leader's word, until its time is over; whoever leads it next is told.
    @Test func whatIsInQuarantineIsKnownToTheNextLeader() async throws {
        let (stage, id, session) = try await led()
        let crash = Quarantined(reason: "it crashed", remaining: .seconds(90), refusals: 2)
        try await stage.catalogue.reportQuarantined(id, crash, epoch: Epoch(2), by: session)
        try await stage.catalogue.reportQuarantined(id, crash, epoch: Epoch(1), by: .random())
        #expect(try await stage.catalogue.quarantined(among: [id]).isEmpty, "another epoch, another session")
        try await stage.catalogue.reportServed([(id, Epoch(1))], by: session)
        try await stage.catalogue.reportQuarantined(id, crash, epoch: Epoch(1), by: session)
        let shown = try await status(id, in: stage)
        #expect(shown.condition == .quarantined && shown.quarantine?.reason == "it crashed")
        let known = try #require(try await stage.catalogue.quarantined(among: [id, .random()])[id])
        #expect(known.refusals == 2 && known.remaining > .seconds(30) && known.remaining <= .seconds(90))
        // It is over, and still of interest for a while.
        try await stage.catalogue.reportQuarantined(id, Quarantined(reason: "it crashed", remaining: .seconds(-1), refusals: 2), epoch: Epoch(1), by: session)
        #expect(try await status(id, in: stage).condition == .unopened)
        #expect(try await stage.catalogue.quarantined(among: [id])[id] != nil)
        try await stage.catalogue.reportQuarantined(id, Quarantined(reason: "it crashed", remaining: .seconds(-90_000), refusals: 2), epoch: Epoch(1), by: session)
        #expect(try await stage.catalogue.quarantined(among: [id]).isEmpty)
    }

    @Test func whatDoesNotOpenIsKnownUntilSomethingOpens() async throws {
        let (stage, id, session) = try await led()
        try await stage.catalogue.reportServed([(id, Epoch(1))], by: session)
        try await stage.catalogue.reportUnopenable(id, broken, isServed: true, epoch: Epoch(1), by: session)
        var found = try await status(id, in: stage)
        #expect(found.condition == .serving && found.unopenable?.code == "DUCKDB_CATALOG" && found.unopenable?.seq == 7)
        let since = try #require(found.unopenable?.since)
        // Closed meanwhile, and it does not open again.
        var searched = broken
        searched.opensSeq = 5
        try await stage.catalogue.reportUnopenable(id, searched, isServed: false, epoch: Epoch(1), by: session)
        found = try await status(id, in: stage)
        #expect(found.condition == .unopenable && found.unopenable?.opensSeq == 5 && found.unopenable?.since == since)
        try await stage.catalogue.reportUnopenable(id, broken, isServed: false, epoch: Epoch(2), by: session)
        #expect(try await status(id, in: stage).unopenable?.opensSeq == 5, "not the leader of that epoch")
        try await stage.catalogue.reportServed([(id, Epoch(1))], by: session)
        found = try await status(id, in: stage)
        #expect(found.condition == .serving && found.unopenable == nil)
    }

    @Test func onlyWhatWasFoundCanBeAccepted() async throws {
        let (stage, id, session) = try await led()
        let name = try DatabaseName("shop")
        func refused(_ seq: UInt64) async throws -> Bool {
            try await berthErrorCode { try await stage.catalogue.acceptOlder(name, seq: seq) } == .operationConflict
        }
        #expect(try await refused(5))
        try await stage.catalogue.reportUnopenable(id, broken, isServed: false, epoch: Epoch(1), by: session)
        #expect(try await refused(5))
        var searched = broken
        searched.opensSeq = 5
        try await stage.catalogue.reportUnopenable(id, searched, isServed: false, epoch: Epoch(1), by: session)
        #expect(try await refused(4))
        #expect(try await stage.catalogue.accepted(among: [id]) == [:])
        try await stage.catalogue.acceptOlder(name, seq: 5)
        #expect(try await stage.catalogue.accepted(among: [id, .random()]) == [id: 5])
        // Said again, it stays accepted; of another state it was not.
        try await stage.catalogue.reportUnopenable(id, searched, isServed: false, epoch: Epoch(1), by: session)
        #expect(try await stage.catalogue.accepted(among: [id]) == [id: 5])
        searched.seq = 8
        try await stage.catalogue.reportUnopenable(id, searched, isServed: false, epoch: Epoch(1), by: session)
        #expect(try await stage.catalogue.accepted(among: [id]) == [:])
        #expect(try await berthErrorCode { try await stage.catalogue.acceptOlder(try DatabaseName("nope"), seq: 1) } == .databaseNotFound)
    }

    @Test func whatAnOperationWaitsForIsAwaitedUntilItIsServed() async throws {
        let (stage, id, session) = try await led()
        let term = try await stage.term()
        #expect(try await stage.catalogue.awaited(by: session) == [])
        try await stage.catalogue.wantServed([id], under: term)
        #expect(try await stage.catalogue.awaited(by: session) == [id])
        #expect(try await stage.catalogue.awaited(by: .random()) == [])
        #expect(try await stage.catalogue.unserved(among: [id, .random()]).map(\.name.description) == ["shop"])
        try await stage.catalogue.reportUnopenable(id, broken, isServed: false, epoch: Epoch(1), by: session)
        #expect(try await stage.catalogue.unserved(among: [id]).map(\.isUnopenable) == [true])
        try await stage.catalogue.reportServed([(id, Epoch(1))], by: session)
        #expect(try await stage.catalogue.awaited(by: session) == [])
        #expect(try await stage.catalogue.unserved(among: [id]) == [])
    }

    @Test func aRefusalLastsUntilTheDatabaseIsPlacedOrPreparedAgain() async throws {
        let (stage, id, _) = try await led()
        let term = try await stage.term()
        let (one, two) = (try NodeName("node-1"), try NodeName("node-2"))
        let target = try await stage.node("node-2")
        let refusal = OpeningRefusal(code: "DUCKDB_CATALOG", reason: "a log")
        try await stage.catalogue.refuse(id, refusal, on: two)
        #expect(try await status(id, in: stage).refusal == nil, "it is not placed there")
        try await stage.catalogue.place([(id, one, two)], under: term)
        try await stage.catalogue.refuse(id, refusal, on: two)
        #expect(try await status(id, in: stage).refusal == refusal)
        #expect(try await stage.catalogue.databases(on: two, limit: 10).map(\.isRefused) == [true])
        try await stage.catalogue.declarePrepared([(id, .random())], on: two, session: target)
        #expect(try await status(id, in: stage).refusal == nil)
        try await stage.catalogue.refuse(id, refusal, on: two)
        try await stage.catalogue.place([(id, two, one)], under: term)
        #expect(try await status(id, in: stage).refusal == nil)
    }

    // MARK: Checking backups

    /// What is published and was not checked, the longest ago first.
    @Test func backupsAreCheckedInTurn() async throws {
        let (stage, first, session) = try await led()
        let second = try await stage.ledDatabase("other", on: "node-1", by: session)
        func next(after age: Duration = .zero, except databases: [DatabaseID] = []) async throws -> UnverifiedBackup? {
            try await stage.catalogue.nextToVerify(by: session, after: age, except: databases)
        }
        #expect(try await next() == nil, "nothing is published")
        #expect(try await stage.catalogue.backupAge(by: session) == nil)
        for (id, seq) in [(first, 3), (second, 2)] {
            try await stage.database.connection().script("update leases set head_seq = \(seq), head_checksum = 7 where database = '\(id)'")
        }
        #expect(try await next(except: [first])?.database == second)
        #expect(try await next(except: [second])?.head == ChainPosition(seq: 3, checksum: 7))
        #expect(try await next(except: [first, second]) == nil)
        #expect(try #require(try await stage.catalogue.backupAge(by: session)) < .seconds(100))
        try await stage.catalogue.reportVerified(first, at: 3, by: session)
        try await stage.catalogue.reportVerified(second, at: 2, by: .random())
        #expect(try await next()?.database == second, "nobody else's word counts")
        try await stage.catalogue.reportVerified(second, at: 1, by: session)
        #expect(try await next()?.database == second)
        #expect(try await next(after: .seconds(3_600)) == nil)
        #expect(try await status(first, in: stage).verified?.seq == 3)
    }

    @Test func aCheckThatGoesWellSettlesWhatFailedBefore() async throws {
        let (stage, id, session) = try await led()
        try await stage.catalogue.reportUnopenable(id, broken, isServed: true, epoch: Epoch(1), by: session)
        try await stage.catalogue.reportVerified(id, at: 6, by: session)
        #expect(try await status(id, in: stage).unopenable?.seq == 7)
        try await stage.catalogue.reportVerified(id, at: 8, by: session)
        #expect(try await status(id, in: stage).unopenable == nil)
    }
}
