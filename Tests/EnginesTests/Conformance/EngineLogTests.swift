import Changesets
import Engines
import FleetModel
import Foundation
import Testing

/// What is captured can be opened: a log that was never replayed is no backup.
@Suite(.timeLimit(.minutes(2))) struct EngineLogTests {
    @Test(arguments: EngineUnderTest.all)
    func whateverChangedTheSchemaIsCapturedSoThatItOpens(_ tested: EngineUnderTest) throws {
        for history in tested.schemaHistories {
            let bench = try EngineBench(tested)
            let database = try bench.newDatabase()
            try bench.use(database) { try $0.run(tested.insert(2)) }
            if database.owesCheckpoint { try database.foldLog() }
            var sets = [try #require(try database.capture()).pages]
            // Step by step, as clients send them: a capture may come between any two.
            let connection = try database.takeConnection()
            for statement in history.statements {
                try connection.run(statement)
                if database.owesCheckpoint { try database.foldLog() }
                if let changes = try database.capture() { sets.append(changes.pages) }
            }
            database.giveBack(connection)
            #expect(!database.owesCheckpoint)
            let expected = try bench.rows(database)
            #expect(try bench.rows(at: bench.restore(sets)) == expected, "\(history.statements)")
            try database.closeClean()
            #expect(try bench.rows(at: bench.path) == expected, "\(history.statements)")
        }
    }

    /// All at once, and only then captured: a script, whose statements nobody announces.
    @Test(arguments: EngineUnderTest.all)
    func alsoWhenAScriptDidIt(_ tested: EngineUnderTest) throws {
        for history in tested.schemaHistories {
            let bench = try EngineBench(tested)
            let database = try bench.newDatabase()
            try bench.use(database) { try $0.run(tested.insert(2)) }
            if database.owesCheckpoint { try database.foldLog() }
            var sets = [try #require(try database.capture()).pages]
            try bench.use(database) { try $0.executeScript(history.statements.joined(separator: ";"), limits: .unlimited) }
            if database.owesCheckpoint { try database.foldLog() }
            sets.append(try #require(try database.capture()).pages)
            #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(database), "\(history.statements)")
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func aFoldedLogIsCapturedAsPages(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        var sets = [try #require(try database.capture()).pages]
        try bench.use(database) { try $0.run(tested.insert(100)) }
        // Nothing of it is captured yet, and nothing of it is lost.
        try database.foldLog()
        #expect(!database.hasLogToReplay && !database.owesCheckpoint)
        sets.append(try #require(try database.capture()).pages)
        #expect(try database.capture() == nil)
        #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(database))
    }

    /// A checkpoint of what is captured changes files, or nothing that counts; an engine says which.
    @Test(arguments: EngineUnderTest.all)
    func aCheckpointBehindACaptureIsToldAndCaptured(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { try $0.run(tested.insert(100)) }
        var sets = [try database.captureAll().pages]
        #expect(database.isAsCaptured)
        try database.checkpoint(above: 0)
        let isAsCaptured = database.isAsCaptured, changes = try database.capture()
        #expect((changes == nil) == isAsCaptured)
        if let changes { sets.append(changes.pages) }
        #expect(database.isAsCaptured)
        let rows = try bench.rows(database)
        try database.closeClean()
        #expect(try bench.rows(at: bench.restore(sets)) == rows)
    }

    /// It waits, and what is owed stays owed.
    @Test(arguments: EngineUnderTest.all)
    func anOpenTransactionOrCursorPutsItOff(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try database.foldLog()
        let writer = try database.takeConnection()
        try writer.run("BEGIN")
        try writer.run("CREATE TABLE u (a INTEGER)")
        let owes = database.owesCheckpoint
        try database.foldLog()
        #expect(database.owesCheckpoint == owes)
        try writer.run("COMMIT")
        let reader = try database.takeConnection()
        let cursor = try reader.cursor(SQLStatement(tested.numbers(100_000)), readOnly: true, deadline: nil)
        _ = try cursor.next(atMost: 100, deadline: nil)
        try database.foldLog()
        #expect(database.owesCheckpoint == owes)
        cursor.close()
        database.giveBack(reader)
        try database.foldLog()
        #expect(!database.owesCheckpoint && !database.hasLogToReplay)
        database.giveBack(writer)
    }
}
