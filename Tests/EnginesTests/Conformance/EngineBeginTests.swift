import Engines
import FleetModel
import Testing

/// The kinds of BEGIN that libSQL's clients send, whatever the engine.
@Suite struct EngineBeginTests {
    private static let writing = [
        "BEGIN", "BEGIN TRANSACTION", "BEGIN DEFERRED", "begin immediate", "BEGIN EXCLUSIVE TRANSACTION", " /* a */ BEGIN DEFERRED TRANSACTION ; ",
        "BEGIN -- now\nIMMEDIATE;",
    ]
    private static let reading = ["BEGIN READONLY", "BEGIN TRANSACTION READONLY", "begin transaction readonly;", "BEGIN READONLY TRANSACTION"]

    @Test(arguments: EngineUnderTest.all, writing) func begins(_ tested: EngineUnderTest, _ begin: String) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            #expect(try connection.needsWriteTurn(begin) == ["immediate", "exclusive"].contains { begin.lowercased().contains($0) })
            for end in ["ROLLBACK", "COMMIT"] {
                try connection.run(begin)
                #expect(!connection.isAutocommit)
                try connection.run("INSERT INTO t VALUES (1, 'x')")
                try connection.run(end)
                #expect(connection.isAutocommit)
            }
            try connection.executeScript("\(begin.split(separator: ";")[0]); INSERT INTO t VALUES (2, 'y'); COMMIT", limits: .unlimited)
        }
        #expect(try bench.rows(database) == [[.integer(1), .text("x")], [.integer(2), .text("y")]])
    }

    @Test(arguments: EngineUnderTest.all, reading) func beginsForReadingOnly(_ tested: EngineUnderTest, _ begin: String) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            try connection.run("INSERT INTO t VALUES (1, 'x')")
            #expect(try !connection.needsWriteTurn(begin))
            for change in ["INSERT INTO t VALUES (2, 'y')", "CREATE TABLE u (a INTEGER)", "DELETE FROM t"] {
                try connection.run(begin)
                #expect(try connection.value("SELECT count(*) FROM t") == .integer(1))
                #expect(connection.code(change) == "BLOCKED", "\(change)")
                try connection.run("ROLLBACK")
                #expect(throws: SQLError.self) { try connection.executeScript("\(begin.split(separator: ";")[0]); \(change)", limits: .unlimited) }
                try connection.run("ROLLBACK")
            }
            try connection.run(begin)
            #expect(throws: SQLError.self) {
                let loader = try connection.load(into: "t", columns: nil)
                try loader.append([[.integer(3), .text("z")]], deadline: nil)
                _ = try loader.finish(deadline: nil)
            }
            if !connection.isAutocommit { try connection.run("ROLLBACK") }
            // Nothing of it lasts.
            try connection.run("INSERT INTO t VALUES (4, 'z')")
            try connection.run("BEGIN")
            try connection.run("DELETE FROM t WHERE a = 4")
            try connection.run("COMMIT")
        }
        #expect(try bench.rows(database) == [[.integer(1), .text("x")]])
    }

    /// They are not for libSQL to say: the engine's own words decide.
    @Test(arguments: EngineUnderTest.all, ["BEGIN; IMMEDIATE", "BEGIN IMMEDIATE DEFERRED", "BEGIN READONLY x", "BEGINIMMEDIATE", "BEGIN IMMEDIATE TRANSACTION 1"])
    func refuses(_ tested: EngineUnderTest, _ sql: String) throws {
        let bench = try EngineBench(tested)
        try bench.use(bench.newDatabase()) { connection in
            #expect(connection.code(sql) != nil)
            #expect(connection.isAutocommit)
        }
    }

    /// A database that is full can be made smaller.
    @Test(arguments: ["DELETE FROM t", "DELETE FROM t WHERE a % 2 = 0", "DROP TABLE t"]) func deletingInAFullSQLiteDatabase(_ removal: String) throws {
        var options = SQLiteOptions()
        options.maximumBytes = 256 << 10
        let directory = try TemporaryDirectory()
        let database = try SQLiteEngine(options: options).open(directory.file("a.db"), base: .empty)
        let connection = try database.takeConnection()
        try connection.executeScript("CREATE TABLE keep (a); CREATE TABLE t (a INTEGER PRIMARY KEY, b); CREATE INDEX i ON t (b);", limits: .unlimited)
        var code: String?
        while code == nil { code = connection.code("INSERT INTO t (b) VALUES (hex(randomblob(300)))") }
        #expect(code == "SQLITE_FULL")
        try connection.run(removal)
        try connection.run("INSERT INTO keep VALUES (zeroblob(10000))")
        #expect(try connection.value("SELECT count(*) FROM keep") == .integer(1))
    }
}
