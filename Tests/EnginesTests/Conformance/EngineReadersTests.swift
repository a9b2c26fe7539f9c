import Dispatch
import FleetModel
import Foundation
import Synchronization
import Testing

@testable import Engines

/// What holds of every engine's readers.
@Suite(.timeLimit(.minutes(1))) struct EngineReadersTests {
    private static let readOnly = StatementLimits(isReadOnly: true)

    private func count(_ reader: EngineReader) throws -> SQLValue {
        try reader.run { connection throws(SQLError) in try connection.execute(SQLStatement("SELECT count(*) FROM t"), limits: Self.readOnly) }.rows[0][0]
    }

    /// Reads without an end on a thread of its own.
    private func read(_ endless: String, _ reader: EngineReader) async throws -> Task<SQLError?, Never> {
        let begun = Begun()
        let task = Task.detached { () -> SQLError? in
            do throws(SQLError) {
                _ = try reader.run { connection throws(SQLError) in
                    begun.set()
                    return try connection.execute(SQLStatement(endless), limits: Self.readOnly)
                }
                return nil
            } catch { return error }
        }
        while !begun.isSet { await Task.yield() }
        return task
    }

    private final class Begun: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        func set() { value.store(true, ordering: .releasing) }
    }

    @Test(arguments: EngineUnderTest.all) func theySeeWhatIsCommittedAndWriteNothing(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let readers = try #require(database.readers), reader = try #require(try readers.take())
        #expect(try count(reader) == .integer(0))
        let writer = try database.takeConnection()
        _ = try writer.run("BEGIN")
        _ = try writer.run("INSERT INTO t VALUES (1, 'x')")
        #expect(try count(reader) == .integer(0), "it is not committed")
        let mark = reader.commitMark
        #expect(mark == database.commitMark)
        _ = try writer.run("COMMIT")
        #expect(try count(reader) == .integer(1))
        #expect(reader.commitMark != mark && reader.commitMark == database.commitMark)
        let refused = #expect(throws: SQLError.self) {
            try reader.run { connection throws(SQLError) in try connection.execute(SQLStatement("DELETE FROM t"), limits: Self.readOnly) }
        }
        #expect(refused?.code == "BLOCKED")
        #expect(try count(reader) == .integer(1))
        reader.giveBack()
        database.giveBack(writer)
        database.close()
    }

    @Test(arguments: EngineUnderTest.all) func aPauseWaitsForNoLongReadAndAClosingInterruptsIt(_ tested: EngineUnderTest) async throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let readers = try #require(database.readers), reader = try #require(try readers.take()), other = try #require(try readers.take())
        #expect(readers.paused { $0 })
        let reading = try await read(tested.endless, reader)
        #expect(!readers.paused { $0 }, "one of them reads")
        // Beside it others read, and what is committed is captured.
        #expect(try count(other) == .integer(0))
        try bench.use(database) { _ = try $0.run("INSERT INTO t VALUES (1, 'x')") }
        #expect(try database.capture() != nil)
        try database.checkpoint(above: 0)
        try database.foldLog()
        #expect(try count(other) == .integer(1))
        readers.shut()
        #expect(await reading.value?.code == tested.interrupted)
        #expect(!reader.isOpen && !other.isOpen)
        #expect(throws: EngineReader.closed) { try count(other) }
        #expect(try readers.take() == nil, "nobody reads what is closed")
        reader.giveBack()
        readers.open()
        let again = try #require(try readers.take())
        #expect(try count(again) == .integer(1))
        again.giveBack()
        database.close()
        #expect(readers.descriptors == 0)
    }

    /// A cursor keeps its state; a checkpoint waits for it without an error, and what is given back while it is at work is closed afterwards.
    @Test(arguments: EngineUnderTest.all) func rowsAreMadeBesideWritesAndCheckpoints(_ tested: EngineUnderTest) async throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { _ = try $0.run(tested.insert(5_000)) }
        let readers = try #require(database.readers), reader = try #require(try readers.take())
        let deadline = BootInstant.now + .seconds(60)
        let rows = try reader.cursor(SQLStatement("SELECT a FROM t ORDER BY a"), deadline: deadline)
        var seen = try rows.next(atMost: 100, deadline: deadline).rows.count
        #expect(!readers.paused { $0 }, "something is open")
        try bench.use(database) { _ = try $0.run("DELETE FROM t") }
        _ = try database.capture()
        try database.checkpoint(above: 0)
        while true {
            let (more, outcome) = try rows.next(atMost: 10_000, deadline: deadline)
            seen += more.count
            if more.isEmpty {
                #expect(outcome.rowsRead >= 5_000)
                break
            }
        }
        #expect(seen == 5_000)
        rows.close()
        rows.close()
        #expect(readers.paused { $0 })
        let next = try #require(try readers.take()), reading = try await read(tested.endless, next)
        next.giveBack()
        next.interrupt()
        while next.isOpen {
            next.interrupt()
            await Task.yield()
        }
        #expect(await reading.value?.code == tested.interrupted)
        database.close()
    }
}
