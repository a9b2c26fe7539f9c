import BerthTestKit
import Changesets
import Engines
import FleetModel
import Foundation
import Hrana
import Testing

@testable import EngineHost

/// What is refused for want of room, by the database's own size or on the node's disk, in every kind of host.
@Suite(.serialized, .timeLimit(.minutes(3))) struct RoomTests {
    private typealias Fixture = HostFixture

    /// A database with three rows that is opened on a disk without room.
    private func onAFullDisk(_ kind: HostUnderTest, _ engine: EngineKind, _ body: (any HostedDatabase) async throws -> Void) async throws {
        try await withHosts(kind, { configuration, _ in configuration.settings.disk.minimumFreeBytes = 1 << 60 }) { fixture in
            let id = DatabaseID.random()
            let copy = LocalCopy(database: id, in: fixture.directory)
            try copy.markDirty()
            let former = try Fixture.engines().engine(engine).open(copy.filePath, base: .empty)
            let connection = try former.takeConnection()
            try connection.executeScript("create table t (a integer); insert into t values (1), (2), (3)")
            former.giveBack(connection)
            former.close()
            try await body(try await fixture.open(engine, database: id))
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aRequestThatWouldGrowIsRefusedWhole(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await onAFullDisk(kind, engine) { database in
            for call in [
                Fixture.call("insert into t values (4)"), Fixture.call("create table u (a integer)"), Fixture.pipeline(["insert into t values (4)", "select 1"]),
                HostCall(route: .load, query: "table=t", body: Array("a\n4\n".utf8), access: Fixture.access),
            ] {
                let answer = await database.serve(call)
                guard case .failure(let error) = answer.content else {
                    Issue.record("it was carried out: \(try Fixture.text(answer))")
                    continue
                }
                #expect(error.code == .nodeDiskFull && error.code.httpStatus == 507 && error.retryAfter ?? 0 > 0)
                #expect(!answer.basis.mayHaveCommitted && !answer.basis.showsData)
            }
            // Together with others, who get their answers.
            await withTaskGroup(of: (String, HostAnswer).self) { group in
                for number in 0..<20 {
                    let sql = number % 2 == 0 ? "insert into t values (\(number))" : "select count(*) from t"
                    group.addTask { (sql, await database.serve(Fixture.call(sql))) }
                }
                for await (sql, answer) in group {
                    if sql.hasPrefix("insert") {
                        #expect(Fixture.code(answer) == .nodeDiskFull)
                    } else {
                        #expect((try? Fixture.text(answer).contains("3")) == true)
                    }
                }
            }
        }
    }

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func readingDeletingAndCuttingGoOn(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await onAFullDisk(kind, engine) { database in
            let deleted = try Fixture.text(await database.serve(Fixture.call("delete from t where a = 2")))
            #expect(deleted.contains(#""affected_row_count":1"#))
            guard case .cut = try await database.cut(CutOrder(head: .origin, isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            // What has been done of a request keeps it from being refused whole.
            let mixed = try Fixture.text(await database.serve(Fixture.pipeline(["delete from t where a = 1", "insert into t values (9)", "select a from t"])))
            #expect(mixed.contains("NODE_DISK_FULL") && mixed.contains("3") && !mixed.contains(#""9""#))
            let open = try Fixture.text(await database.serve(Fixture.pipeline(["begin", "delete from t", "insert into t values (9)", "rollback"])))
            #expect(open.contains("NODE_DISK_FULL"))
            #expect(try Fixture.text(await database.serve(Fixture.call("select a from t"))).contains("3"))
        }
    }

    /// All writes are refused because of the log, so that none is committed: it is emptied all the same once nobody reads.
    @Test(arguments: HostUnderTest.allCases) func aDatabaseFullOfLogTakesRowsAgain(_ kind: HostUnderTest) async throws {
        try await withHosts(kind, { configuration, _ in
            configuration.sqlite.maximumBytes = 2 << 20
            configuration.sqlite.freeLogBytes = 64 << 10
            configuration.settings.checkpointBytes = 32 << 10
        }) { fixture in
            let owner = RecordingOwner(), id = DatabaseID.random()
            let database = try await fixture.open(database: id, owner: owner)
            _ = await database.serve(Fixture.call("create table t (a blob)"))
            _ = await database.serve(Fixture.call("insert into t values (randomblob(400000))"))
            var head = ChainPosition.origin
            func cut() async throws {
                if case .cut(let cut) = try await database.cut(CutOrder(head: head, isWhole: false)) { head = cut.position }
            }
            try await cut()
            let baton = try #require(try Fixture.baton(await database.serve(Fixture.pipeline(["begin", "select count(*) from t"]))))
            var answers = 0
            while try !Fixture.text(await database.serve(Fixture.call("insert into t values (randomblob(1000))"))).contains("SQLITE_FULL") {
                _ = await database.serve(Fixture.call("update t set a = randomblob(length(a))"))
                try await cut()
                answers += 1
                try #require(answers < 100)
            }
            #expect(answers > 1)
            try await cut()
            #expect(owner.told.contains("wants cut"))
            // Everything is cut, and nothing can be committed.
            #expect(try Fixture.text(await database.serve(Fixture.call("insert into t values (1)"))).contains("SQLITE_FULL"))
            #expect(try Fixture.text(await database.serve(Fixture.pipeline(["rollback"], baton: baton))).contains("ok"))
            try await cut()
            #expect(try Fixture.text(await database.serve(Fixture.call("insert into t values (1)"))).contains(#""affected_row_count":1"#))
            #expect(try FileSystem.size(LocalCopy(database: id, in: fixture.directory).filePath + "-wal") ?? 0 < 100_000)
        }
    }

    /// Nothing is cut without room for it, and nothing is lost by that.
    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aLargeChangesetSaysHowMuchRoomItNeeds(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind, { configuration, _ in configuration.settings.changesetMemoryBytes = 1 << 20 }) { fixture in
            let database = try await fixture.open(engine)
            _ = await database.serve(Fixture.call("create table t (a text)"))
            // What fits into memory needs none.
            guard case .cut(let small) = try await database.cut(CutOrder(head: .origin, isWhole: false, fileBytes: 0)), case .bytes = small.contents else {
                Issue.record("nothing was cut")
                return
            }
            _ = await database.serve(Fixture.call("insert into t values ('\(String(repeating: "x", count: 3 << 20))')"))
            var order = CutOrder(head: small.position, isWhole: false, fileBytes: 0)
            var needed = 0
            for _ in 0..<2 {
                do throws(CutFailure) {
                    _ = try await database.cut(order)
                    Issue.record("it was cut")
                } catch {
                    guard case .room(let bytes) = error.remedy else { throw error }
                    #expect(bytes > 3 << 20 && (needed == 0 || needed == bytes))
                    needed = bytes
                }
                order.fileBytes = needed - 1
            }
            _ = await database.serve(Fixture.call("insert into t values ('y')"))
            order.fileBytes = 2 * needed
            guard case .cut(let large) = try await database.cut(order), case .file(let file) = large.contents else {
                Issue.record("no file was cut")
                return
            }
            let profile = try Fixture.engines().engine(engine).profile
            let changeset = try HADBP.decode(file, profile: profile, expectedSeq: 2)
            #expect(changeset.previousChecksum == small.position.checksum && changeset.chainChecksum == large.position.checksum)
            guard case .nothing = try await database.cut(CutOrder(head: large.position, isWhole: false, fileBytes: 0)) else {
                Issue.record("something was left")
                return
            }
        }
    }

    /// Temporary files are in the host's spool folder, and gone with the statement.
    @Test func aSortHasAsMuchAsTemporaryFilesMay() async throws {
        try await withHosts(.process, { configuration, _ in
            configuration.sqlite.maximumTemporaryFileBytes = 1 << 20
            configuration.sqlite.pageCacheBytes = 64 << 10
        }) { fixture in
            let database = try await fixture.open()
            _ = await database.serve(Fixture.call("create table t (a blob)"))
            _ = await database.serve(
                Fixture.call("insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) select randomblob(2000) from n"))
            let sorted = try Fixture.text(await database.serve(Fixture.call("select count(*) from (select a from t order by a limit 100000)")))
            #expect(sorted.contains("TEMPORARY_FULL"))
            #expect(try Fixture.text(await database.serve(Fixture.call("select count(*) from t"))).contains("2000"))
        }
    }
}
