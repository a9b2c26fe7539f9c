import BerthTestKit
import Changesets
import Engines
import FleetModel
import Foundation
import Testing

/// What the rest of Berth relies on, of every engine.
@Suite(.timeLimit(.minutes(2))) struct EngineConformanceTests {
    // MARK: Statements

    @Test(arguments: EngineUnderTest.all)
    func statementsAndTheirAnswers(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        #expect(bench.engine.kind == tested.kind)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            #expect(try connection.run("INSERT INTO t VALUES (?, ?), (?, ?)", .integer(1), .text("x"), .integer(2), .null).affectedRows == 2)
            let result = try connection.run("SELECT a, b FROM t ORDER BY a")
            #expect(result.rows == [[.integer(1), .text("x")], [.integer(2), .null]])
            #expect(result.columns.map(\.name) == ["a", "b"])
            #expect(result.columns.map(\.declaredType) == ["INTEGER", "VARCHAR"])
            #expect(connection.code("INSERT INTO t VALUES (1, 'again')") == tested.constraint)
            #expect(connection.code("") == "SQL_NO_STATEMENT")
            #expect(connection.code("SELECT 1; SELECT 2") == "SQL_MANY_STATEMENTS")
            #expect(connection.code("SELEC 1") == "SQL_PARSE_ERROR")
            #expect(connection.code("SELECT ?", .positional([])) == "ARGS_INVALID")
            #expect(try connection.describe("SELECT a FROM t").columns.map(\.name) == ["a"])
            #expect(try connection.describe("SELECT a FROM t").isReadOnly)
            #expect(try connection.needsWriteTurn("DELETE FROM t"))
            #expect(try !connection.needsWriteTurn("SELECT a FROM t"))
            #expect(try !connection.needsWriteTurn("COMMIT"))
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func transactions(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let connection = try database.takeConnection()
        #expect(connection.isAutocommit)
        try connection.run("BEGIN")
        #expect(!connection.isAutocommit)
        try connection.run("INSERT INTO t VALUES (1, 'a')")
        #expect(try bench.rows(database) == [], "others see what is committed")
        try connection.run("COMMIT")
        #expect(connection.isAutocommit)
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (2, 'b')")
        try connection.run("ROLLBACK")
        #expect(try bench.rows(database) == [[.integer(1), .text("a")]])
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (3, 'c')")
        #expect(connection.code("INSERT INTO t VALUES (1, 'again')") == tested.constraint)
        if !connection.isAutocommit { try connection.run("ROLLBACK") }
        #expect(connection.isAutocommit, "an aborted transaction can be ended")
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (4, 'd')")
        database.giveBack(connection)
        #expect(try bench.rows(database) == [[.integer(1), .text("a")]], "giving a connection back rolls back")
    }

    @Test(arguments: EngineUnderTest.all)
    func limits(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            try connection.run(tested.insert(10))
            #expect(connection.code(tested.endless, .none, StatementLimits(deadline: .now + .milliseconds(30))) == tested.interrupted)
            #expect(connection.code("SELECT a FROM t", .none, StatementLimits(maximumRows: 9)) == "RESPONSE_TOO_LARGE")
            #expect(connection.code("SELECT a FROM t", .none, StatementLimits(maximumRows: 10)) == nil)
            #expect(connection.code("SELECT a FROM t", .none, StatementLimits(maximumResponseBytes: 79)) == "RESPONSE_TOO_LARGE")
            #expect(connection.code("SELECT a FROM t", .none, StatementLimits(maximumResponseBytes: 80)) == nil)
            #expect(connection.isAutocommit)
        }
    }

    /// The clock that everything else goes by: only what moves it stops a statement.
    @Test(arguments: EngineUnderTest.all)
    func theClockThatItIsGivenStopsAStatement(_ tested: EngineUnderTest) async throws {
        let bench = try EngineBench(tested), clock = ManualClock()
        let database = try bench.engine.timed(by: clock).open(bench.directory.file("timed"), base: .empty)
        defer { database.close() }
        let connection = try database.takeConnection()
        let deadline = clock.instant() + .seconds(30)
        #expect(connection.code("SELECT 1", .none, StatementLimits(deadline: deadline)) == nil)
        // Whether it has begun by then or not.
        let mover = Task.detached { clock.advance(by: .seconds(31)) }
        #expect(connection.code(tested.endless, .none, StatementLimits(deadline: deadline)) == tested.interrupted)
        await mover.value
        #expect(connection.code("SELECT 1", .none, StatementLimits(deadline: deadline)) == tested.interrupted, "its time is over")
        #expect(connection.code("SELECT 1", .none, StatementLimits(deadline: clock.instant() + .seconds(30))) == nil)
    }

    // MARK: Statements that come again

    @Test(arguments: EngineUnderTest.all)
    func aRepeatedStatementAnswersAsOften(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { (connection: any EngineConnection) throws in
            var results: [SQLResult] = []
            try connection.repeated("INSERT INTO t VALUES (?, ?)", [[.integer(1), .text("a")], [.integer(2), .null], [.integer(3), .text("c")]], into: &results)
            #expect(results.map(\.affectedRows) == [1, 1, 1] && results.allSatisfy { $0.rows.isEmpty && $0.nanoseconds > 0 })
            // Added to those that are there, each with its own rows: none, one, several.
            try connection.repeated("SELECT a, b FROM t WHERE a >= ? ORDER BY a", [[.integer(9)], [.integer(3)], [.integer(1)], [.integer(4)]], into: &results)
            let rows: [[SQLValue]] = [[.integer(1), .text("a")], [.integer(2), .null], [.integer(3), .text("c")]]
            #expect(results.map(\.rows) == [[], [], [], [], [rows[2]], rows, []])
            #expect(results[3...].allSatisfy { $0.columns.map(\.name) == ["a", "b"] })
            let once = try connection.run("SELECT a, b FROM t WHERE a >= ? ORDER BY a", .integer(1))
            #expect(results[5].rowBlock == once.rowBlock && results[5].columns == once.columns && results[5].rowsRead == once.rowsRead)
            results = []
            try connection.repeated("SELECT a FROM t", [[], []], wantsRows: false, into: &results)
            #expect(results.map(\.rows) == [[], []] && results.map(\.rowsRead) == [3, 3])
            results = []
            try connection.repeated("UPDATE t SET b = ? WHERE a = ? RETURNING a", [[.text("x"), .integer(1)], [.text("y"), .integer(7)]], into: &results)
            #expect(results.map(\.rows) == [[[.integer(1)]], []] && results.map(\.affectedRows) == [1, 0])
            results = []
            try connection.repeated("DELETE FROM t", [], into: &results)
            #expect(results.isEmpty)
            #expect(try connection.run("SELECT count(*) FROM t").rows == [[.integer(3)]])
        }
    }

    /// The first error ends it, and what came before stays as it is in the transaction.
    @Test(arguments: EngineUnderTest.all)
    func aRepeatedStatementThatFails(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { (connection: any EngineConnection) throws in
            let insert = "INSERT INTO t VALUES (?, 'x')"
            #expect(connection.repeatedCode(insert, [[.integer(1)], [.integer(1)], [.integer(2)]]) == tested.constraint)
            #expect(connection.repeatedCode(insert, [[.integer(3)], []]) == "ARGS_INVALID")
            #expect(try connection.run("SELECT a FROM t ORDER BY a").rows == [[.integer(1)], [.integer(3)]])
            #expect(connection.repeatedCode(insert, [[.integer(4)]], StatementLimits(isReadOnly: true)) == "BLOCKED")
            // Rows are counted for each run, bytes for all: they are held together.
            let all = [[SQLValue]](repeating: [], count: 5)
            #expect(connection.repeatedCode("SELECT a FROM t", all, StatementLimits(maximumRows: 2)) == nil)
            #expect(connection.repeatedCode("SELECT a FROM t", all, StatementLimits(maximumRows: 1)) == "RESPONSE_TOO_LARGE")
            #expect(connection.repeatedCode("SELECT a FROM t", all, StatementLimits(maximumResponseBytes: 80)) == nil)
            #expect(connection.repeatedCode("SELECT a FROM t", all, StatementLimits(maximumResponseBytes: 79)) == "RESPONSE_TOO_LARGE")
            #expect(connection.repeatedCode("UPDATE t SET b = 'y' RETURNING a", [[]], StatementLimits(maximumRows: 1)) == "RESPONSE_TOO_LARGE")
            #expect(try connection.run("SELECT count(*) FROM t WHERE b = 'y'").rows == [[.integer(0)]], "and undone")
            #expect(connection.repeatedCode(tested.endless, [[]], timeout: .milliseconds(30)) == tested.interrupted)
            #expect(connection.isAutocommit)
            // Nothing of a failure is left for the next.
            #expect(try connection.run("SELECT a FROM t WHERE a = ?", .integer(3)).rows == [[.integer(3)]])
        }
    }

    // MARK: Capture and restore

    @Test(arguments: EngineUnderTest.all)
    func aRestoreEqualsTheSourceAtEveryCapture(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        #expect(database.nextCaptureIsFull)
        var sets: [PageSet] = []
        func ship(_ sql: String) throws {
            try bench.use(database) { try $0.executeScript(sql, limits: .unlimited) }
            sets.append(try #require(try database.capture()).pages)
            #expect(try database.capture() == nil && !database.nextCaptureIsFull)
            #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(database), "\(sql)")
        }
        try ship("INSERT INTO t VALUES (-1, 'first')")
        try ship(tested.insert(20_000))
        try ship("UPDATE t SET b = 'changed' WHERE a < 100")
        try ship("DELETE FROM t WHERE a > 10")
        try database.checkpoint(above: 1)
        try ship("INSERT INTO t VALUES (-2, 'after a checkpoint')")
        try ship("BEGIN; INSERT INTO t VALUES (-3, 'c'); COMMIT; INSERT INTO t VALUES (-4, 'd')")
        try ship("DELETE FROM t")
    }

    @Test(arguments: EngineUnderTest.all)
    func whatIsNotCommittedIsNotCaptured(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let first = try #require(try database.capture())
        #expect(first.isFull)
        let connection = try database.takeConnection()
        try connection.run("BEGIN")
        try connection.run(tested.insert(50_000))
        #expect(try database.capture() == nil)
        try connection.run("ROLLBACK")
        #expect(try database.capture() == nil)
        try connection.run("INSERT INTO t VALUES (1, 'a')")
        let second = try #require(try database.capture())
        #expect(!second.isFull)
        #expect(try bench.rows(at: bench.restore([first.pages, second.pages])) == [[.integer(1), .text("a")]])
        let full = try database.captureAll()
        #expect(full.isFull)
        #expect(try bench.rows(at: bench.restore([full.pages])) == [[.integer(1), .text("a")]])
    }

    @Test(arguments: EngineUnderTest.all)
    func theMarkOfACommit(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let connection = try database.takeConnection()
        var mark = database.commitMark
        func moves(_ sql: String) throws -> Bool {
            try connection.executeScript(sql, limits: .unlimited)
            defer { mark = database.commitMark }
            return mark != database.commitMark
        }
        #expect(try moves("INSERT INTO t VALUES (1, 'a')"))
        #expect(try moves("INSERT INTO t VALUES (2, 'b')"))
        #expect(try !moves("SELECT * FROM t"))
        #expect(try !moves("BEGIN; INSERT INTO t VALUES (3, 'c')"))
        #expect(try !moves("ROLLBACK"))
        #expect(try !moves("BEGIN; SELECT * FROM t; COMMIT"))
        #expect(try moves("BEGIN; DELETE FROM t WHERE a = 1; COMMIT"))
        try connection.run("DELETE FROM t")
        mark = database.commitMark
        #expect(try moves(tested.insert(200_000)), "also when it bypasses the log")
        #expect(try moves("CREATE TABLE u (a INTEGER)"))
        _ = try database.capture()
        #expect(mark == database.commitMark)
        database.giveBack(connection)
    }

    @Test(arguments: EngineUnderTest.all)
    func aClosedDatabaseGoesOnWhereItsChainStood(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        var database = try bench.newDatabase()
        #expect(throws: CaptureError.self) { try database.closeClean() }
        var sets = [try #require(try database.capture()).pages]
        try database.closeClean()
        for number in 1...3 {
            database = try bench.engine.open(bench.path, base: .restored)
            #expect(!database.nextCaptureIsFull)
            #expect(try database.capture() == nil)
            try bench.use(database) { try $0.run("INSERT INTO t VALUES (\(number), 'x')") }
            #expect(throws: CaptureError.self, "there is something to capture") { try database.closeClean() }
            sets.append(try #require(try database.capture()).pages)
            let expected = try bench.rows(database)
            try database.closeClean()
            #expect(try bench.rows(at: bench.restore(sets)) == expected)
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func aFollowersCopyIsBroughtForwardInPlace(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let replica = try bench.restore([try #require(try database.capture()).pages])
        for round in 0..<4 {
            var sets: [PageSet] = []
            for sql in ["DELETE FROM t", tested.insert(3_000 * (round + 1)), "UPDATE t SET b = 'round \(round)' WHERE a < 10"] {
                try bench.use(database) { try $0.run(sql) }
                // Deleting nothing is nothing to some, and a commit to others.
                if let changes = try database.capture() { sets.append(changes.pages) }
            }
            try bench.engine.apply(sets, to: replica)
            #expect(try bench.rows(at: replica) == bench.rows(database))
            if round == 1 { try database.checkpoint(above: 1) }
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func aCopyCanTakeOver(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        var sets = [try #require(try database.capture()).pages]
        try bench.use(database) { try $0.run(tested.insert(500)) }
        sets.append(try #require(try database.capture()).pages)
        database.close()
        let successor = try bench.engine.open(try bench.restore(sets), base: .restored)
        try bench.use(successor) { try $0.run("INSERT INTO t VALUES (1000, 'from the successor')") }
        sets.append(try #require(try successor.capture()).pages)
        let expected = try bench.rows(successor)
        #expect(expected.count == 501)
        #expect(try bench.rows(at: bench.restore(sets)) == expected)
    }

    @Test(arguments: EngineUnderTest.all)
    func whatACrashLeavesIsCapturedInFull(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        _ = try database.capture()
        try bench.use(database) { try $0.run(tested.insert(500)) }
        // Closed without capture, which to the files is what a killed process is.
        database.close()
        let again = try bench.engine.open(bench.path, base: .empty)
        #expect(again.nextCaptureIsFull)
        let set = try #require(try again.capture())
        #expect(set.isFull)
        #expect(try bench.rows(at: bench.restore([set.pages])).count == 500)
    }

    // MARK: What is refused

    @Test(arguments: EngineUnderTest.all)
    func abandonedFilesLeaveTheOldCopy(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let set = try #require(try database.capture()).pages
        let replica = try bench.restore([set])
        let before = try FileManager.default.contentsOfDirectory(atPath: bench.directory.path).sorted()
        do {
            let builder = try bench.engine.build(at: replica)
            try builder.apply(set)
            builder.abandon()
            #expect(throws: BerthError.self) { try builder.finish() }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.directory.path).sorted() == before)
        #expect(try bench.rows(at: replica) == [])
    }

    @Test(arguments: EngineUnderTest.all)
    func impossibleSetsAreRefused(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let set = try #require(try database.capture()).pages
        var reversed = set
        reversed.pages.reverse()
        var otherSize = set
        otherSize.pageSize = 1_000
        var outside = set
        outside.pages[0].bytes = set.bytes.count..<set.bytes.count + 100
        for wrong in [reversed, otherSize, outside] {
            let builder = try bench.engine.build(at: bench.directory.file("wrong.db"))
            let error = #expect(throws: BerthError.self) { try builder.apply(wrong) }
            #expect(error?.code == .dataCorrupt)
            builder.abandon()
        }
        let nowhere = #expect(throws: BerthError.self) { try bench.engine.build(at: bench.directory.file("no/such/place.db")) }
        #expect(nowhere?.code == .diskUnavailable)
    }

    @Test(arguments: EngineUnderTest.all)
    func verifyingFindsDamage(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { try $0.run(tested.insert(20_000)) }
        var sets = [try #require(try database.capture()).pages]
        try database.checkpoint(above: 1)
        if let set = try database.capture() { sets.append(set.pages) }
        let replica = try bench.restore(sets)
        try bench.engine.verify(replica)
        let name = String(replica.dropFirst(bench.directory.path.count + 1))
        var bytes = try bench.directory.bytes(name)
        // Every page but the headers.
        for page in 3..<bytes.count / 4096 { for offset in 100..<140 { bytes[page * 4096 + offset] ^= 0xA5 } }
        try bench.directory.write(bytes, to: name)
        #expect(throws: SQLError.self) { try bench.engine.verify(replica) }
    }

    @Test(arguments: EngineUnderTest.all)
    func aFileThatIsNoDatabaseIsRefused(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        try bench.directory.write([UInt8](repeating: 3, count: 20_000), to: "source.db")
        #expect(throws: SQLError.self) { try bench.engine.open(bench.path, base: .empty) }
        #expect(throws: SQLError.self) { try bench.engine.open(bench.path, base: .restored) }
        #expect(throws: SQLError.self) { try bench.engine.verify(bench.path) }
    }
}
