import BerthTestKit
import Engines
import FleetModel
import Synchronization
import Testing

@testable import EngineHost

/// Reads of a transaction are the writer's work: what a long one holds up is its own database, until its time is over.
@Suite(.timeLimit(.minutes(3))) struct ReadsInTransactionsTests {
    private typealias Fixture = HostFixture

    private static let endless: [EngineKind: String] = [
        .sqlite: "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n",
        .duckdb: "select count(*) from range(100000000) a, range(100000000) b where a.range % 7 = b.range % 11",
    ]

    @Test(arguments: HostUnderTest.allCases, EngineKind.allCases)
    func aLongOneEndsAtItsDeadlineAndOthersAreCut(_ kind: HostUnderTest, _ engine: EngineKind) async throws {
        try await withHosts(kind, { configuration, settings in
            configuration.settings.statementTimeout = .seconds(5)
            // Both in one process, with few threads.
            settings.sqliteHosts = 1
        }) { fixture in
            let id = DatabaseID.random()
            let busy = try await fixture.open(engine, database: id), other = try await fixture.open(engine)
            for database in [busy, other] { _ = await database.serve(Fixture.call("create table t (a int)")) }
            _ = await busy.serve(Fixture.call("insert into t values (1)"))
            let baton = try #require(try Fixture.baton(await busy.serve(Fixture.pipeline(["begin", "select count(*) from t"]))))
            let answer = Mutex<HostAnswer?>(nil)
            let sql = try #require(Self.endless[engine])
            let reading = Task {
                let given = await busy.serve(Fixture.pipeline([sql], baton: baton))
                answer.withLock { $0 = given }
            }
            try await becomesTrue("it reads") { fixture.executing(id) > 0 }

            // Its own database is cut when it is over.
            let cutsOfBusy = Mutex(0)
            let cutting = Task {
                if case .cut = try await busy.cut(CutOrder(head: .origin, isWhole: false)) { cutsOfBusy.withLock { $0 += 1 } }
            }
            // Another one is written to, and cut, as often as it likes.
            var head = ChainPosition.origin, cutsBeside = 0
            while answer.withLock({ $0 == nil }) {
                let written = await other.serve(Fixture.call("insert into t values (1)"))
                #expect(written.basis.mayHaveCommitted)
                guard case .cut(let cut) = try await other.cut(CutOrder(head: head, isWhole: false)) else { continue }
                head = cut.position
                let cutsOfBusy = cutsOfBusy.withLock { $0 }
                if fixture.executing(id) > 0 {
                    cutsBeside += 1
                    #expect(cutsOfBusy == 0)
                }
            }
            // One might have been made when the read was just over.
            #expect(cutsBeside > 1, "the other database waited")
            await reading.value
            let text = try Fixture.text(try #require(answer.withLock { $0 }))
            #expect(text.contains(engine == .sqlite ? "SQLITE_INTERRUPT" : "DUCKDB_INTERRUPT"), "\(text)")
            try await cutting.value
            #expect(cutsOfBusy.withLock { $0 } == 1)
            #expect(try Fixture.text(await busy.serve(Fixture.call("select 'rows ' || count(*) from t"))).contains("rows 1"))
        }
    }
}
