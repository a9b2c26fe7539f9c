import BerthTestKit
import Engines
import FleetModel
import Foundation
import Hrana
import Testing

@testable import EngineHost

/// Reads that stay open beside writes.
@Suite(.serialized, .timeLimit(.minutes(3))) struct HeldLogTests {
    private typealias Fixture = HostFixture

    /// Writes, and cuts what was written, from `head` on.
    private func write(_ count: Int, to database: any HostedDatabase, after head: inout ChainPosition) async throws {
        for _ in 0..<count {
            let written = await database.serve(Fixture.call("update t set a = randomblob(100000)"))
            #expect(written.basis.mayHaveCommitted)
            if case .cut(let cut) = try await database.cut(CutOrder(head: head, isWhole: false)) { head = cut.position }
        }
    }

    private func logBytes(_ database: DatabaseID, _ fixture: HostFixture) throws -> Int {
        let path = LocalCopy(database: database, in: fixture.directory).filePath + "-wal"
        return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }

    private func reading(_ database: any HostedDatabase) async throws -> String {
        _ = await database.serve(Fixture.call("create table t (a blob)"))
        _ = await database.serve(Fixture.call("insert into t values (randomblob(100000))"))
        return try #require(try Fixture.baton(await database.serve(Fixture.pipeline(["begin", "select count(*) from t"]))))
    }

    @Test(arguments: HostUnderTest.allCases) func readsThatHoldALargeLogEnd(_ kind: HostUnderTest) async throws {
        let limit = 400_000
        try await withHosts(kind, { configuration, _ in
            configuration.settings.checkpointBytes = 4_096
            configuration.settings.heldLogBytes = limit
            configuration.settings.expiryInterval = .milliseconds(10)
        }) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(database: id)
            let baton = try await reading(database)
            var head = ChainPosition.origin
            try await becomesTrue("the log was large, and is emptied") {
                try await write(1, to: database, after: &head)
                return try head.seq > 4 && logBytes(id, fixture) < limit / 2
            }
            let answer = await database.serve(Fixture.pipeline(["select 1"], baton: baton))
            #expect(try Fixture.text(answer).contains("READ_ENDED"))
            #expect(try Fixture.text(await database.serve(Fixture.pipeline(["select 6 * 7"]))).contains("42"))
        }
    }

    @Test(arguments: HostUnderTest.allCases) func readsThatHoldASmallLogGoOn(_ kind: HostUnderTest) async throws {
        try await withHosts(kind, { configuration, _ in
            configuration.settings.checkpointBytes = 4_096
            configuration.settings.expiryInterval = .milliseconds(10)
        }) { fixture in
            let id = DatabaseID.random()
            let database = try await fixture.open(database: id)
            let baton = try await reading(database)
            var head = ChainPosition.origin
            try await write(8, to: database, after: &head)
            #expect(try logBytes(id, fixture) >= 800_000)
            #expect(try Fixture.text(await database.serve(Fixture.pipeline(["select count(*) from t"], baton: baton))).contains(#""value":"1""#))
        }
    }

    @Test func ageCountsOnlyWhileTheLogIsHeld() {
        let settings = HostSettings()
        let old = settings.heldLogTimeout + .seconds(1)
        var log = HeldLog()
        #expect(!log.ends(readSince: .zero, at: old, settings))
        log.isHeld(1, at: .seconds(1))
        #expect(!log.ends(readSince: .zero, at: .seconds(2), settings))
        #expect(log.ends(readSince: .zero, at: old, settings))
        #expect(!log.ends(readSince: .seconds(2), at: old + .seconds(60), settings), "it began later than the log was held")
        log.isHeld(settings.heldLogBytes, at: .seconds(3))
        #expect(log.ends(readSince: .seconds(2), at: .seconds(3), settings))
        log.isEmptied()
        #expect(!log.ends(readSince: .zero, at: old, settings))
    }
}
