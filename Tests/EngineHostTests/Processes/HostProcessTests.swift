import BerthTestKit
import Engines
import FleetModel
import Foundation
import Glibc
import Testing

@testable import EngineHost

/// Hosts as real child processes of this one.
@Suite(.serialized) struct HostProcessTests {
    /// Killed, a host takes nobody's commits with it: the next one has them.
    @Test(arguments: EngineKind.allCases) func aHostThatIsKilledIsFollowedByAnother(_ engine: EngineKind) async throws {
        try await withHosts(.process, { $1.sqliteHosts = 1 }) { fixture in
            let owner = RecordingOwner(), id = DatabaseID.random()
            let database = try await fixture.open(engine, database: id, owner: owner)
            for value in 0..<5 { _ = await database.serve(HostFixture.call(value == 0 ? "create table t (a int)" : "insert into t values (\(value))")) }
            let host = try #require(fixture.processes.hosts.first { $0.databases == 1 })
            kill(host.pid, SIGKILL)
            try await becomesTrue("its owner is told") { owner.told.contains { $0.hasPrefix("lost: it was ended from outside") } }
            #expect(await database.serve(HostFixture.call("select 1")).mayBeMadeAgain)
            let again = try await fixture.open(engine, database: id, content: .kept(nil))
            #expect(try HostFixture.text(await again.serve(HostFixture.call("select sum(a) from t"))).contains("10"))
            #expect(owner.told.count { $0.hasPrefix("lost") } == 1)
            #expect(fixture.processes.quarantined.isEmpty)
        }
    }

    @Test func databasesOnOtherHostsNoticeNothing() async throws {
        try await withHosts(.process) { fixture in
            let owners = [RecordingOwner(), RecordingOwner()]
            let databases = [try await fixture.open(owner: owners[0]), try await fixture.open(owner: owners[1])]
            let used = fixture.processes.hosts.filter { $0.databases == 1 }
            try #require(used.count == 2)
            kill(used[0].pid, SIGSEGV)
            try await becomesTrue("one owner is told") { owners.contains { $0.told.contains { $0.contains("crashed") } } }
            let well = owners[0].told.isEmpty ? 0 : 1
            #expect(try HostFixture.text(await databases[well].serve(HostFixture.call("select 6 * 7"))).contains("42"))
            #expect(owners[well].told.isEmpty)
        }
    }

    /// One function call that no interrupt ends.
    @Test func aStatementThatCannotBeInterruptedEndsItsHostAndNoMore() async throws {
        try await withHosts(.process, { configuration, _ in
            configuration.settings.statementTimeout = .milliseconds(100)
            configuration.limits.watchdogGrace = .milliseconds(300)
        }) { fixture in
            let id = DatabaseID.random(), owner = RecordingOwner()
            let bomb = HostFixture.call("select instr(zeroblob(30000000), zeroblob(15000000) || x'01')", isReadOnly: true)
            for death in 1...3 {
                let database = try await fixture.open(database: id, content: .kept(nil), owner: owner)
                let answer = await database.serve(bomb)
                #expect(HostFixture.code(answer) == .outcomeUnknown && !answer.mayBeMadeAgain)
                #expect(owner.told.count { $0.hasPrefix("lost: a statement went on after its time") } == death)
            }
            await #expect(throws: OpeningFailure.self) { _ = try await fixture.open(database: id, content: .kept(nil)) }
            #expect(fixture.processes.quarantined.keys.elementsEqual([id]))
            // Everybody else is served.
            let other = try await fixture.open()
            #expect(try HostFixture.text(await other.serve(HostFixture.call("select 6 * 7"))).contains("42"))
        }
    }

    /// 67 bytes that overflow the stack of whoever carries them out.
    @Test func aStatementThatCrashesItsEngineIsNamedInTheReason() async throws {
        // With less, it may fail for want of memory before its stack is used up.
        try await withHosts(.process, { configuration, _ in configuration.limits.addressBytes = 1 << 40 }) { fixture in
            let id = DatabaseID.random()
            for _ in 1...3 {
                let database = try await fixture.open(.duckdb, database: id, content: .kept(nil))
                let answer = await database.serve(HostFixture.call("select (repeat('[',20000)||repeat(']',20000))::json::variant", isReadOnly: true))
                #expect(HostFixture.code(answer) == .outcomeUnknown && !answer.mayBeMadeAgain, "\(answer)")
            }
            let reason = try #require(fixture.processes.quarantined[id]?.reason)
            #expect(reason.contains("crashed") && reason.contains("select (repeat('…',…)") && !reason.contains("20000"))
        }
    }

    /// Files that never come to an end, as on a disk that hangs: the check ends with its process, and nobody is to blame.
    @Test func aCheckThatDoesNotEndEndsItsHost() async throws {
        try await withHosts(.process, { configuration, _ in
            configuration.settings.upkeepTimeout = .milliseconds(200)
            configuration.limits.watchdogGrace = .milliseconds(200)
        }) { fixture in
            let path = fixture.directory + "/stuck"
            // Whoever opens it to read waits for somebody who writes.
            try #require(mkfifo(path, 0o600) == 0)
            let error = await #expect(throws: HostFailure.self) { try await fixture.host.verify(path, .duckdb) }
            guard case .hostLost(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("after its time"))
            #expect(fixture.processes.quarantined.isEmpty)
            let database = try await fixture.open()
            #expect(try HostFixture.text(await database.serve(HostFixture.call("select 6 * 7"))).contains("42"))
        }
    }

    @Test func aHostThatIsStoppedIsEnded() async throws {
        try await withHosts(.process, { configuration, settings in
            configuration.limits.stallTimeout = .milliseconds(1_500)
            settings.watchInterval = .milliseconds(20)
        }) { fixture in
            let owner = RecordingOwner()
            let database = try await fixture.open(owner: owner)
            let host = try #require(fixture.processes.hosts.first { $0.databases == 1 })
            kill(host.pid, SIGSTOP)
            let answer = await database.serve(HostFixture.call("insert into nothing values (1)"))
            #expect(answer.mayBeMadeAgain)
            #expect(owner.told == ["lost: it gave no sign of life"])
            #expect(fixture.processes.quarantined.isEmpty)
        }
    }

    @Test func aHostThatTakesTooMuchMemoryIsEndedOrItsStatementFails() async throws {
        try await withHosts(.process, { configuration, settings in
            configuration.limits.memoryBytes = 256 << 20
            settings.watchInterval = .milliseconds(10)
        }) { fixture in
            let owner = RecordingOwner()
            let database = try await fixture.open(owner: owner)
            let many = (0..<60).map { "zeroblob(30000000) || x'0\($0 % 10)'" }.joined(separator: ", ")
            let answer = await database.serve(HostFixture.call("select \(many)", isReadOnly: true))
            // The heap's limit is met first where it can be.
            let failed = (try? HostFixture.text(answer))?.contains("NOMEM") == true || (try? HostFixture.text(answer))?.contains("TOOBIG") == true
            #expect(failed || HostFixture.code(answer) != nil)
            let other = try await fixture.open()
            #expect(try HostFixture.text(await other.serve(HostFixture.call("select 6 * 7"))).contains("42"))
        }
    }

    /// Where it is known whose the memory is, a request ends and not its host.
    @Test func aRequestGivesWayBeforeItsHostEnds() async throws {
        try await withHosts(.process, { configuration, settings in
            // With what the process takes by itself, more than three quarters of what it may, and less than all of it.
            configuration.duckdb.memoryBytes = 800 << 20
            configuration.limits.memoryBytes = 1 << 30
            settings.watchInterval = .milliseconds(20)
        }) { fixture in
            let database = try await fixture.open(.duckdb)
            _ = await database.serve(HostFixture.call("create table t as select 42 as a"))
            let host = try #require(fixture.processes.hosts.first { $0.databases == 1 })
            let text = try HostFixture.text(await database.serve(HostFixture.call("select count(*) from (select distinct hash(i) from range(10000000000) r(i))")))
            #expect(text.contains("MEMORY_EXCEEDED"), "\(text)")
            #expect(try HostFixture.text(await database.serve(HostFixture.call("select a from t"))).contains("42"))
            #expect(fixture.processes.hosts.contains { $0.pid == host.pid && $0.databases == 1 }, "it is the same process")
        }
    }

    @Test func whatIsExaminedIsExaminedElsewhere() async throws {
        try await withHosts(.process) { fixture in
            let path = fixture.directory + "/db"
            try Data("this is no database, and no engine takes it for one".utf8).write(to: URL(fileURLWithPath: path))
            await #expect(throws: HostFailure.self) { try await fixture.processes.verify(path, .sqlite) }
            #expect(fixture.processes.hosts.allSatisfy { $0.databases == 0 })
        }
    }

    /// What a host may do, as its kernel shows it.
    @Test func aHostGaveUpItsRights() async throws {
        try await withHosts(.process) { fixture in
            _ = try await fixture.open()
            let host = try #require(fixture.processes.hosts.first { $0.databases == 1 })
            let status = try String(contentsOfFile: "/proc/\(host.pid)/status", encoding: .utf8)
            #expect(status.contains("NoNewPrivs:\t1"))
            #expect(status.contains("Seccomp:\t2"))
            let limits = try String(contentsOfFile: "/proc/\(host.pid)/limits", encoding: .utf8)
            #expect(limits.contains(/Max core file size +0 +0/))
            #expect(!limits.contains(/Max address space +unlimited/))
            #expect(try String(contentsOfFile: "/proc/\(host.pid)/oom_score_adj", encoding: .utf8) == "500\n")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(host.pid)/fd").contains("3"))
            let environment = try String(contentsOfFile: "/proc/\(host.pid)/environ", encoding: .utf8)
            #expect(!environment.contains("BERTH_BINARY"))
        }
    }

    @Test func hostsThatNobodyUsesEnd() async throws {
        try await withHosts(.process, { _, settings in
            settings.idleTimeout = .milliseconds(50)
            settings.spareHosts = 0
        }) { fixture in
            let database = try await fixture.open(.duckdb)
            #expect(fixture.processes.hosts.count { $0.engine == .duckdb } == 1)
            _ = await database.close(clean: false, because: BerthError(.shuttingDown, "bye"))
            try await becomesTrue("it ended") { !fixture.processes.hosts.contains { $0.engine == .duckdb } }
        }
    }
}
