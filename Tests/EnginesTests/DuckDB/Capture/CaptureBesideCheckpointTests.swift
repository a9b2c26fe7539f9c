import BerthTestKit
@testable import Engines
import Changesets
import FleetModel
import Foundation
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

    /// A block that is read while it is written is not what its first bytes say, and has to be captured again.
    @Test func aBlockTellsWhetherItIsWhole() throws {
        let directory = try TemporaryDirectory()
        let database = try DuckDBDatabase(directory.file("a.db"))
        try database.primary.run("CREATE TABLE t AS SELECT range AS a, range::varchar AS b FROM range(300000)")
        try database.foldLog()
        let captured = try #require(try database.capture()).pages
        database.close()
        let file = try PosixFile(directory.file("a.db"), O_RDONLY), blockSize = 256 << 10
        let blocks = try (file.size() - DuckDBFiles.headerBytes) / blockSize
        #expect(blocks > 2 && !captured.pages.isEmpty)
        for block in 0..<blocks {
            var bytes = [UInt8](repeating: 0, count: blockSize)
            try bytes.withUnsafeMutableBytes { _ = try file.read(into: $0, at: DuckDBFiles.headerBytes + block * blockSize) }
            func isRight(inPiecesOf size: Int) -> Bool {
                var checksum = DuckDBBlockChecksum()
                bytes.withUnsafeBytes { memory in
                    for start in stride(from: 0, to: blockSize, by: size) { checksum.add(UnsafeRawBufferPointer(rebasing: memory[start..<start + size])) }
                }
                return checksum.isRight
            }
            #expect(isRight(inPiecesOf: blockSize) && isRight(inPiecesOf: 4_096), "\(block)")
            bytes[blockSize - 1] ^= 1
            #expect(!isRight(inPiecesOf: blockSize), "\(block)")
        }
    }

    @Test func blocksThatAreForgottenDifferFromAllThatMayCome() {
        let state = DuckDBState(headers: DuckDBHeaders([]), blockSize: 4_096, blocks: [1, 2, 3], walBytes: 0, walIdentity: [], walDigest: nil)
        #expect(state.forgetting([]) == state)
        #expect(state.forgetting([1, 7]).blocks == [1, ~2, 3])
    }
}
