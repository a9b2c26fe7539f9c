import Changesets
import Engines
import FleetModel
import Foundation
import Testing

/// What holds of the cursors of every engine.
@Suite(.timeLimit(.minutes(3))) struct EngineCursorTests {
    /// Longer than anything here takes.
    private static var soon: BootInstant { .now + .seconds(100) }

    @Test(arguments: EngineUnderTest.all)
    func rowsComeInOrderAndAsManyAsAsked(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            let cursor = try connection.open(tested.numbers(20_000))
            #expect(cursor.columns.map(\.name) == ["i"])
            #expect(try cursor.rows(atMost: 1, deadline: Self.soon) == [[.integer(0)]])
            #expect(try cursor.rows(atMost: 0, deadline: nil) == [[.integer(1)]], "never none, as long as there are some")
            #expect(try cursor.rows(atMost: 24, deadline: nil) == [[.integer(2)], [.integer(3)], [.integer(4)]])
            #expect(try cursor.rows(atMost: 17, deadline: nil).count == 3, "the last one may go beyond")
            var rows = 8
            while case let more = try cursor.rows(atMost: 8_000, deadline: nil), !more.isEmpty {
                #expect(more.first == [.integer(Int64(rows))])
                rows += more.count
            }
            #expect(rows == 20_000)
            #expect(try cursor.rows(atMost: 8, deadline: nil) == [], "at the end also when asked again")
            #expect(cursor.outcome.affectedRows == 0 && cursor.outcome.rowsRead >= 20_000)
            cursor.close()
            cursor.close()
            #expect(try cursor.rows(atMost: 8, deadline: nil) == [])
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func valuesAndArgumentsAreThoseOfExecute(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            try connection.run("INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, 'a somewhat longer text')")
            let sql = "SELECT a, b, a * 1.5 AS c, ? AS d FROM t WHERE a >= ? ORDER BY a"
            let arguments = [SQLValue.blob([1, 0, 255]), .integer(1)]
            let cursor = try connection.open(sql, arguments)
            let expected = try #require(try? connection.all(cursor))
            let result = try connection.execute(SQLStatement(sql, arguments: .positional(arguments)), limits: .unlimited)
            #expect(expected == result.rows && cursor.columns == result.columns)
            #expect(connection.cursorCode("SELECT ?") == "ARGS_INVALID")
            #expect(connection.cursorCode("SELEC 1") == "SQL_PARSE_ERROR")
            #expect(connection.cursorCode("SELECT 1; SELECT 2") == "SQL_MANY_STATEMENTS")
            #expect(try connection.open("SELECT a FROM t WHERE a > 99").rows(atMost: 100, deadline: nil) == [])
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func theFirstRowsOfAnEndlessResultComeAtOnce(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            let cursor = try connection.open(tested.numbers(1_000_000_000_000))
            let rows = try cursor.rows(atMost: 80, deadline: Self.soon)
            #expect(rows.count == 10)
            cursor.close()
            let error = #expect(throws: SQLError.self) { try cursor.rows(atMost: 8, deadline: nil) }
            #expect(error?.code == "CURSOR_CLOSED")
            #expect(connection.isAutocommit)
            try connection.run("INSERT INTO t VALUES (1, 'usable')")
        }
        #expect(try bench.rows(database).count == 1)
    }

    @Test(arguments: EngineUnderTest.all)
    func memoryDoesNotGrowWithTheResult(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        // 1 GB of text in all: more than anything else here could take meanwhile.
        let text = String(repeating: "x", count: 1_000)
        let count = 1_000_000
        let before = try ResidentMemory.bytes()
        var largest = 0
        try bench.use(database) { connection in
            let cursor = try connection.open("SELECT i, '\(text)' || i FROM (\(tested.numbers(count))) AS n")
            var rows = 0
            var calls = 0
            while case let more = try cursor.rows(atMost: 1 << 20, deadline: Self.soon), !more.isEmpty {
                rows += more.count
                calls += 1
                if calls % 64 == 0 { largest = max(largest, try ResidentMemory.bytes()) }
            }
            #expect(rows == count)
        }
        #expect(largest - before < 400 << 20, "grew by \((largest - before) >> 20) MiB")
    }

    @Test(arguments: EngineUnderTest.all)
    func anErrorInTheMiddle(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            let cursor = try connection.open(tested.failing)
            var rows = 0
            let error = #expect(throws: SQLError.self) {
                while case let more = try cursor.rows(atMost: 80_000, deadline: nil), !more.isEmpty { rows += more.count }
            }
            #expect(error?.code == tested.failure)
            #expect(rows > 0 && rows <= 3_000_000)
            let closed = #expect(throws: SQLError.self) { try cursor.rows(atMost: 800, deadline: nil) }
            #expect(closed?.code == "CURSOR_CLOSED")
            #expect(connection.isAutocommit)
            try connection.run("INSERT INTO t VALUES (1, 'usable')")
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func aDeadlineInTheMiddle(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            let cursor = try connection.open(tested.numbers(1_000_000_000_000))
            #expect(try cursor.rows(atMost: 80, deadline: Self.soon).count == 10, "every call has its own")
            let error = #expect(throws: SQLError.self) { try cursor.rows(atMost: .max, deadline: .now + .milliseconds(30)) }
            #expect(error?.code == tested.interrupted)
            #expect(connection.isAutocommit)
            #expect(connection.cursorCode(tested.numbers(10), deadline: .now - .seconds(1)) == tested.interrupted)
            // The work is in the first call here, which is the one that makes the cursor.
            #expect(connection.cursorCode(tested.endless, deadline: .now + .milliseconds(30)) == tested.interrupted)
            let again = try connection.open(tested.numbers(3))
            let passed = #expect(throws: SQLError.self) { try again.rows(atMost: 8, deadline: .now - .seconds(1)) }
            #expect(passed?.code == tested.interrupted)
            #expect(try connection.value("SELECT 1") == .integer(1), "and no deadline outlasts its call")
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func aCursorInAnOpenTransaction(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let connection = try database.takeConnection()
        try connection.run("BEGIN")
        try connection.run(tested.insert(10_000))
        let cursor = try connection.open("SELECT a FROM t")
        #expect(try cursor.rows(atMost: 8, deadline: nil).count == 1)
        #expect(!connection.isAutocommit)
        cursor.close()
        #expect(!connection.isAutocommit)
        let second = try connection.open("SELECT a FROM t")
        #expect(try connection.all(second).count == 10_000)
        #expect(!connection.isAutocommit)
        try connection.run("COMMIT")
        #expect(connection.isAutocommit)
        #expect(try bench.rows(database).count == 10_000)
        try connection.run("BEGIN")
        try connection.run("DELETE FROM t")
        let failing = try connection.open(tested.failing)
        #expect(throws: SQLError.self) { _ = try connection.all(failing) }
        if !connection.isAutocommit { try connection.run("ROLLBACK") }
        #expect(connection.isAutocommit)
        #expect(try bench.rows(database).count == 10_000)
        try connection.run("BEGIN")
        try connection.run("DELETE FROM t")
        _ = try connection.open(tested.numbers(1_000_000)).rows(atMost: 8, deadline: nil)
        database.giveBack(connection)
        #expect(try bench.rows(database).count == 10_000, "given back in the middle")
    }

    @Test(arguments: EngineUnderTest.all)
    func transactionsCanBeBegunAndEndedThroughCursors(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            for (sql, isAutocommit) in [("BEGIN", false), (tested.insert(3), false), ("COMMIT", true), ("BEGIN", false), ("DELETE FROM t", false), ("ROLLBACK", true)] {
                let cursor = try connection.open(sql)
                #expect(connection.isAutocommit == isAutocommit, "\(sql)")
                #expect(cursor.columns == [])
                #expect(try cursor.rows(atMost: 8, deadline: nil) == [])
            }
        }
        #expect(try bench.rows(database).count == 3)
    }

    /// Before the first of its rows is asked for, and whether or not they are.
    @Test(arguments: EngineUnderTest.all)
    func aWriteIsCarriedOutWhenItsCursorIsMade(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let connection = try database.takeConnection()
        let plain = try connection.open("INSERT INTO t VALUES (-1, 'x'), (-2, 'y')")
        #expect(plain.outcome.affectedRows == 2 && plain.columns == [])
        let cursor = try connection.open(tested.insert(5_000) + " RETURNING a, b")
        #expect(connection.isAutocommit)
        #expect(try bench.rows(database).count == 5_002, "committed: others see it")
        _ = try #require(try database.capture())
        #expect(cursor.columns.map(\.name) == ["a", "b"])
        #expect(try cursor.rows(atMost: 16, deadline: nil) == [[.integer(0), .text("row 0")]])
        cursor.close()
        #expect(try bench.rows(database).count == 5_002, "closed in the middle")
        #expect(try database.capture() == nil)
        let update = try connection.open("UPDATE t SET b = NULL WHERE a >= 0 RETURNING a")
        #expect(try connection.all(update).count == 5_000)
        #expect(update.outcome.affectedRows == 5_000)
        #expect(connection.cursorCode("INSERT INTO t VALUES (-1, 'again') RETURNING a") == tested.constraint)
        #expect(connection.isAutocommit)
        database.giveBack(connection)
    }

    @Test(arguments: EngineUnderTest.all)
    func aCaptureInTheMiddle(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { try $0.run(tested.insert(20_000)) }
        var sets = [try #require(try database.capture()).pages]
        try bench.use(database) { reader in
            let cursor = try reader.open("SELECT a FROM t ORDER BY a")
            #expect(try cursor.rows(atMost: 800, deadline: nil).count == 100)
            #expect(try database.capture() == nil, "reading is no change")
            try bench.use(database) { try $0.run("DELETE FROM t WHERE a >= 10") }
            sets.append(try #require(try database.capture()).pages)
            #expect(try bench.rows(at: bench.restore(sets)).count == 10)
            #expect(try reader.all(cursor).count == 19_900, "what it saw when it began")
            try bench.use(database) { try $0.run("INSERT INTO t VALUES (-1, 'after')") }
            sets.append(try #require(try database.capture()).pages)
        }
        #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(database))
    }

    /// A checkpoint waits for it, and is no error.
    @Test(arguments: EngineUnderTest.all)
    func aCheckpointWhileACursorIsOpen(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { try $0.run(tested.insert(20_000)) }
        var sets = [try #require(try database.capture()).pages]
        let reader = try database.takeConnection()
        let cursor = try reader.open("SELECT a FROM t ORDER BY a")
        #expect(try cursor.rows(atMost: 800, deadline: nil).count == 100)
        try bench.use(database) { try $0.run("UPDATE t SET b = 'changed' WHERE a < 10000") }
        sets.append(try #require(try database.capture()).pages)
        try database.checkpoint(above: 1)
        #expect(try bench.logBytes() > 0, "the log is still there")
        if let set = try database.capture() { sets.append(set.pages) }
        try bench.use(database) { try $0.run("INSERT INTO t VALUES (-1, 'meanwhile')") }
        sets.append(try #require(try database.capture()).pages)
        #expect(try reader.all(cursor).count == 19_900)
        try database.checkpoint(above: 1)
        #expect(try bench.logBytes() == 0)
        if let set = try database.capture() { sets.append(set.pages) }
        try bench.use(database) { try $0.run("INSERT INTO t VALUES (-2, 'after')") }
        sets.append(try #require(try database.capture()).pages)
        #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(database))
        // Abandoned in the middle, it is in nobody's way either.
        _ = try reader.open("SELECT a FROM t").rows(atMost: 8, deadline: nil)
        try bench.use(database) { try $0.run("DELETE FROM t WHERE a = -2") }
        sets.append(try #require(try database.capture()).pages)
        let abandoned = try reader.open("SELECT a FROM t")
        #expect(try abandoned.rows(atMost: 8, deadline: nil).count == 1)
        abandoned.close()
        try database.checkpoint(above: 1)
        #expect(try bench.logBytes() == 0)
        if let set = try database.capture() { sets.append(set.pages) }
        #expect(try bench.rows(at: bench.restore(sets)) == bench.rows(database))
    }

    @Test(arguments: EngineUnderTest.all)
    func closingTheDatabaseEndsItsCursors(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        var database = try bench.newDatabase()
        try bench.use(database) { try $0.run(tested.insert(5_000)) }
        _ = try database.capture()
        let connection = try database.takeConnection()
        let cursor = try connection.open("SELECT a FROM t")
        _ = try cursor.rows(atMost: 8, deadline: nil)
        try database.closeClean()
        #expect(throws: SQLError.self) { try cursor.rows(atMost: 8, deadline: nil) }
        database = try bench.engine.open(bench.path, base: .restored)
        #expect(try database.capture() == nil)
        let second = try database.takeConnection()
        let open = try second.open("SELECT a FROM t")
        _ = try open.rows(atMost: 8, deadline: nil)
        database.close()
        #expect(throws: SQLError.self) { try open.rows(atMost: 8, deadline: nil) }
    }

    /// Closing a descriptor later would drop the locks of whoever has the files open then.
    @Test(arguments: EngineUnderTest.all)
    func whatIsKeptOfAClosedDatabaseKeepsNoFileOpen(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        func work() throws -> [AnyObject] {
            let database = try bench.newDatabase()
            try bench.use(database) { try $0.run(tested.insert(5_000)) }
            _ = try database.capture()
            let connections = try (0..<4).map { _ in try database.takeConnection() }
            let open = try connections[0].open("SELECT a, 1 FROM t")
            _ = try open.rows(atMost: 8, deadline: nil)
            let atEnd = try connections[1].open("SELECT a, 2 FROM t")
            _ = try connections[1].all(atEnd)
            let finished = try connections[2].load(into: "t", columns: nil)
            finished.abandon()
            let loading = try connections[3].load(into: "t", columns: nil)
            try loading.append([[.integer(-1), .null]], deadline: nil)
            try database.closeClean()
            #expect(throws: SQLError.self) { try loading.finish(deadline: nil) }
            return [open, atEnd, loading, finished]
        }
        let kept = try work()
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        #expect(descriptors.filter { $0.hasPrefix(bench.directory.path) } == [])
        #expect(kept.count == 4)
        let again = try bench.engine.open(bench.path, base: .restored)
        #expect(try again.capture() == nil)
        #expect(try bench.rows(again).count == 5_000)
    }

    @Test(arguments: EngineUnderTest.all)
    func anotherStatementEndsIt(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            let sql = tested.numbers(100_000)
            let first = try connection.open(sql)
            #expect(try first.rows(atMost: 8, deadline: nil) == [[.integer(0)]])
            // The same text: the statement itself is one and the same.
            let second = try connection.open(sql)
            #expect(try second.rows(atMost: 8, deadline: nil) == [[.integer(0)]])
            let error = #expect(throws: SQLError.self) { try first.rows(atMost: 8, deadline: nil) }
            #expect(error?.code == "CURSOR_CLOSED")
            #expect(try connection.run(sql).rows.count == 100_000)
            #expect(throws: SQLError.self) { try second.rows(atMost: 8, deadline: nil) }
        }
    }
}
