@testable import Engines
import BerthTestKit
import FleetModel
import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct DuckDBCrashTests {
    /// What a killed process had committed is there, and is captured in full.
    @Test(.enabled(if: DuckDBVictim.python != nil), arguments: ["checkpoint", "large", "load", "small"], [1, 2, 3] as [UInt64])
    func aKilledSource(_ kind: String, _ seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        var random = SeededGenerator(seed: seed)
        let path = directory.file("source.db")
        let report = try DuckDBVictim.run(
            try #require(DuckDBVictim.python), on: path, seed: seed, until: kind, Int.random(in: 2...5, using: &random),
            delay: UInt32.random(in: 0...60_000, using: &random), threads: seed % 2 == 0 ? 4 : 1)
        let source = try DuckDBDatabase(path)
        let set = try #require(try source.capture())
        #expect(set.isFull)
        let replica = try DuckDBReplica([set.pages], in: directory)
        #expect(try replica.dump() == source.primary.dump(), "killed at \(report.doing)")
        // Everything it had reported, perhaps one thing more, and never half of it.
        guard case .integer(let small) = try source.primary.value("SELECT count(*) FROM small") else { return }
        #expect(small == report.small || small == report.small + 1)
        if report.doing == "load" || report.doing == "large" {
            let batches = Set(try source.primary.run("SELECT DISTINCT batch FROM large").rows.map(\.first))
            let last = batches.compactMap { $0.flatMap { if case .integer(let number) = $0 { Int(number) } else { nil } } }.max() ?? 0
            #expect(last <= report.large + 1)
        }
        #expect(try source.primary.value("SELECT count(*) FROM (SELECT batch FROM large GROUP BY batch HAVING count(*) <> 250000)") == .integer(0))
        // And it goes on from there.
        try source.primary.run("INSERT INTO large SELECT -1, i::VARCHAR FROM range(250000) r(i)")
        let next = try #require(try source.capture())
        #expect(try DuckDBReplica([set.pages, next.pages], in: directory).dump() == source.primary.dump())
    }

    /// The files as they lie on the disk at some moment of a checkpoint are what a node has after a power loss; what was
    /// shipped before does not depend on them.
    @Test func whatWasCapturedOutlivesWhateverHappensToTheSource() throws {
        let directory = try TemporaryDirectory()
        let source = try DuckDBDatabase(directory.file("source.db"))
        try source.primary.run("CREATE TABLE t AS SELECT i FROM range(300000) r(i)")
        var sets = [try #require(try source.capture()).pages]
        try source.primary.run("DELETE FROM t WHERE i % 2 = 0")
        sets.append(try #require(try source.capture()).pages)
        let expected = try source.primary.dump()
        // Not captured any more: an open transaction, a commit, a checkpoint, and death.
        let other = try source.makeConnection()
        try other.run("INSERT INTO t SELECT i FROM range(500000) r(i)")
        try source.primary.runTrusted("CHECKPOINT")
        try other.run("BEGIN")
        try other.run("INSERT INTO t SELECT i FROM range(500000) r(i)")
        #expect(try DuckDBReplica(sets, in: directory).dump() == expected)
        source.close()
        #expect(try DuckDBReplica(sets, in: directory).dump() == expected)
    }
}
