import BerthTestKit
@testable import Engines
import Changesets
import FleetModel
import Synchronization
import Testing

/// Clients can ask DuckDB for a checkpoint with a query, from wherever they read: views, macros and texts hide it from whoever looks for words.
@Suite(.timeLimit(.minutes(3))) struct CaptureBesideCheckpointTests {
    /// What is captured holds what was committed before it, and nothing is given up for a checkpoint that comes between.
    @Test(arguments: ["FROM folded", "FROM force_folded"]) func aCheckpointOfAReaderTakesNothingFromACapture(_ sql: String) async throws {
        let directory = try TemporaryDirectory()
        let database = try DuckDBDatabase(directory.file("a.db"))
        for statement in [
            "CREATE TABLE t AS SELECT range AS a FROM range(200000)", "CREATE VIEW folded AS FROM checkpoint()", "CREATE VIEW force_folded AS FROM force_checkpoint()",
        ] { try database.primary.run(statement) }
        var sets = [try #require(try database.capture()).pages]
        let readers = try #require(database.readers), isOver = Atomic(false), checkpoints = Atomic(0)
        let reading = Task.detached {
            while !isOver.load(ordering: .relaxed) {
                guard let reader = try readers.take() else { continue }
                do throws(SQLError) {
                    _ = try reader.run { connection throws(SQLError) in
                        try connection.execute(SQLStatement(sql), limits: StatementLimits(isReadOnly: true))
                    }
                    checkpoints.add(1, ordering: .relaxed)
                } catch {}
                reader.giveBack()
            }
        }
        var rows = 200_000
        for _ in 0..<60 {
            for _ in 0..<5 {
                // A checkpoint may refuse a write, which did nothing then.
                guard (try? database.primary.run("INSERT INTO t SELECT range FROM range(1000)")) != nil else { continue }
                rows += 1_000
            }
            var captured: CapturedChanges?
            try await becomesTrue("it is captured") {
                do throws(CaptureError) {
                    captured = try database.capture()
                    return true
                } catch {
                    #expect(error.remedy == .tryAgain, "\(error)")
                    return false
                }
            }
            if let captured { sets.append(captured.pages) }
            let replica = try DuckDBDatabase(DuckDBReplica(sets, in: directory).path, base: .restored)
            #expect(try replica.primary.value("SELECT count(*) FROM t") == .integer(Int64(rows)))
            replica.close()
        }
        isOver.store(true, ordering: .relaxed)
        _ = try await reading.value
        #expect(checkpoints.load(ordering: .relaxed) > 0)
        database.close()
    }
}
