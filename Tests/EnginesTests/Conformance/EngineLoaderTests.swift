import Changesets
import Engines
import FleetModel
import Foundation
import Testing

/// What holds of loading, for every engine.
@Suite(.timeLimit(.minutes(3))) struct EngineLoaderTests {
    private static func rows(_ range: Range<Int>) -> [[SQLValue]] {
        range.map { [.integer(Int64($0)), $0 % 7 == 0 ? .null : .text("row \($0)")] }
    }

    @Test(arguments: EngineUnderTest.all)
    func rowsArriveAsTheyAre(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            let loader = try connection.load(into: "t", columns: nil)
            #expect(loader.columnCount == 2)
            for start in stride(from: 0, to: 10_000, by: 1_000) { try loader.append(Self.rows(start..<start + 1_000), deadline: nil) }
            try loader.append([], deadline: nil)
            #expect(try loader.finish(deadline: nil) == 10_000)
            #expect(connection.isAutocommit)
            loader.abandon()
        }
        #expect(try bench.rows(database) == Self.rows(0..<10_000))
        let set = try #require(try database.capture()).pages
        #expect(try bench.rows(at: bench.restore([set])) == Self.rows(0..<10_000))
    }

    @Test(arguments: EngineUnderTest.all)
    func valuesBecomeWhatTheColumnMakesOfThem(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            try connection.run("CREATE TABLE v (n INTEGER, i BIGINT, x DOUBLE, s VARCHAR, b BLOB)")
            try connection.run("CREATE TABLE w (n INTEGER, i BIGINT, x DOUBLE, s VARCHAR, b BLOB)")
            let large = String(repeating: "ü€😀", count: 1_000)
            let rows: [[SQLValue]] = [
                [.integer(0), .integer(.min), .real(1.5), .text(""), .blob([])],
                [.integer(1), .integer(.max), .real(-0.0), .text("it's \"quoted\"; --"), .blob([0, 255, 39])],
                [.integer(2), .null, .null, .null, .null],
                [.integer(3), .text("42"), .integer(7), .text(large), .blob([UInt8](repeating: 7, count: 5_000))],
                [.integer(4), .text("-1"), .text("2.5"), .integer(12), .blob([1])],
                [.integer(5), .integer(0), .real(1e300), .real(0.5), .null],
                [.integer(6), .integer(0), .real(.leastNonzeroMagnitude), .text("exactly 12 b"), .null],
            ]
            let loader = try connection.load(into: "v", columns: nil)
            // One after the other, so that classes of values come up that were not there before.
            for row in rows { try loader.append([row], deadline: nil) }
            #expect(try loader.finish(deadline: nil) == 7)
            for row in rows {
                let insert = SQLStatement("INSERT INTO w VALUES (?, ?, ?, ?, ?)", arguments: .positional(row))
                _ = try connection.execute(insert, limits: .unlimited)
            }
            let loaded = try connection.run("SELECT * FROM v ORDER BY n").rows
            let inserted = try connection.run("SELECT * FROM w ORDER BY n").rows
            #expect(loaded == inserted)
            #expect(loaded.count == 7)
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func columnsThatAreNotNamedGetTheirDefaults(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        try bench.use(database) { connection in
            try connection.run(
                "CREATE TABLE d (a INTEGER DEFAULT 7, b VARCHAR DEFAULT 'none', c INTEGER, g INTEGER GENERATED ALWAYS AS (c * 2), \"strange \"\"; name\" INTEGER)")
            let some = try connection.load(into: "d", columns: ["C", "strange \"; name"])
            #expect(some.columnCount == 2)
            try some.append([[.integer(1), .integer(2)], [.null, .null]], deadline: nil)
            #expect(try some.finish(deadline: nil) == 2)
            let all = try connection.load(into: "d", columns: nil)
            #expect(all.columnCount == 4, "the generated one is not loaded")
            try all.append([[.integer(10), .null, .integer(11), .integer(12)]], deadline: nil)
            #expect(try all.finish(deadline: nil) == 1)
            #expect(
                try connection.run("SELECT * FROM d ORDER BY a, c IS NULL").rows == [
                    [.integer(7), .text("none"), .integer(1), .integer(2), .integer(2)],
                    [.integer(7), .text("none"), .null, .null, .null],
                    [.integer(10), .null, .integer(11), .integer(22), .integer(12)],
                ])
        }
    }

    /// A table's name is data.
    @Test(arguments: EngineUnderTest.all)
    func whateverATableIsCalled(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let connection = try database.takeConnection()
        for name in ["t\"; DROP TABLE t; --", "two words", "dots.in.it", "select", "Ümläut", "main"] {
            let quoted = "\"" + name.replacing("\"", with: "\"\"") + "\""
            try connection.run("CREATE TABLE \(quoted) (\"order\" INTEGER)")
            for spelling in [name, "main.\(name)"] {
                let loader = try connection.load(into: spelling, columns: ["ORDER"])
                try loader.append([[.integer(1)]], deadline: nil)
                #expect(try loader.finish(deadline: nil) == 1)
            }
            #expect(try connection.value("SELECT count(*) FROM \(quoted)") == .integer(2), "\(name)")
        }
        try connection.run("CREATE VIEW v AS SELECT a FROM t")
        for (table, columns) in [
            ("nothing", nil), ("v", nil), ("main.v", nil), ("t\"", nil), ("", nil), ("other.t", nil), ("t", ["nothing"]), ("t", ["a", "A"]), ("t", []),
            ("t; DROP TABLE t", nil), ("\"t\"", nil),
        ] as [(String, [String]?)] {
            let error = #expect(throws: SQLError.self, "\(table)") { try connection.load(into: table, columns: columns) }
            #expect(error?.code == "LOAD_TARGET_UNKNOWN", "\(table)")
            #expect(connection.isAutocommit)
        }
        // A temporary table hides another of its name.
        try connection.run("CREATE TEMP TABLE t (x INTEGER)")
        let loader = try connection.load(into: "t", columns: ["x"])
        try loader.append([[.integer(1)]], deadline: nil)
        #expect(try loader.finish(deadline: nil) == 1)
        database.giveBack(connection)
        #expect(try bench.use(database) { try $0.value("SELECT count(*) FROM main.t") } == .integer(0))
    }

    @Test(arguments: EngineUnderTest.all)
    func allOrNothing(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let connection = try database.takeConnection()
        try connection.run("INSERT INTO t VALUES (150000, 'in the way')")
        try connection.run("CREATE TABLE filled (n BIGINT NOT NULL, s VARCHAR)")
        _ = try database.capture()
        func failure(of table: String = "t", _ body: (any EngineLoader) throws -> Void) throws -> SQLError? {
            let loader = try connection.load(into: table, columns: nil)
            let error = #expect(throws: SQLError.self) {
                try body(loader)
                _ = try loader.finish(deadline: nil)
            }
            let again = #expect(throws: SQLError.self) { try loader.append(Self.rows(0..<1), deadline: nil) }
            #expect(again?.code == "LOADER_CLOSED")
            loader.abandon()
            #expect(connection.isAutocommit)
            return error
        }
        let duplicate = try failure { try $0.append(Self.rows(0..<200_000), deadline: nil) }
        #expect(duplicate?.code == tested.constraint)
        #expect(duplicate?.message.contains("150001") == true || duplicate?.message.contains("150000") == true, "\(duplicate.map(\.message) ?? "")")
        let null = try failure(of: "filled") { try $0.append([[.integer(1), .null], [.null, .text("x")]], deadline: nil) }
        #expect(null?.code.contains("CONSTRAINT") == true)
        let short = try failure {
            try $0.append(Self.rows(0..<5_000), deadline: nil)
            try $0.append([[.integer(-1), .null], [.integer(-2)]], deadline: nil)
        }
        #expect(short?.code == "ARGS_INVALID")
        #expect(short?.message.contains("row 5002") == true)
        let late = try failure { try $0.append(Self.rows(0..<5_000), deadline: .now - .seconds(1)) }
        #expect(late?.code == tested.interrupted)
        let end = try failure {
            try $0.append(Self.rows(0..<5_000), deadline: nil)
            _ = try $0.finish(deadline: .now - .seconds(1))
        }
        #expect(end?.code == tested.interrupted)
        // Left alone in every way.
        try connection.load(into: "t", columns: nil).abandon()
        let loader = try connection.load(into: "t", columns: nil)
        try loader.append(Self.rows(0..<200_000).filter { $0[0] != .integer(150_000) }, deadline: nil)
        let busy = #expect(throws: SQLError.self) { try connection.run("SELECT 1") }
        #expect(busy?.code == "LOADER_OPEN")
        loader.abandon()
        #expect(connection.isAutocommit)
        _ = try connection.load(into: "t", columns: nil).append(Self.rows(0..<200), deadline: nil)
        #expect(connection.isAutocommit, "let go of")
        let open = try connection.load(into: "t", columns: nil)
        try open.append(Self.rows(0..<200), deadline: nil)
        database.giveBack(connection)
        #expect(throws: SQLError.self) { try open.finish(deadline: nil) }
        #expect(try bench.rows(database) == [[.integer(150_000), .text("in the way")]])
        #expect(try database.capture() == nil)
    }

    @Test(arguments: EngineUnderTest.all)
    func loadingInsideATransaction(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        let connection = try database.takeConnection()
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (-1, 'before')")
        let loader = try connection.load(into: "t", columns: nil)
        try loader.append(Self.rows(0..<1_000), deadline: nil)
        #expect(try loader.finish(deadline: nil) == 1_000)
        #expect(!connection.isAutocommit)
        #expect(try bench.rows(database) == [], "not committed yet")
        try connection.run("INSERT INTO t VALUES (-2, 'after')")
        // Nothing of it has reached the table.
        let abandoned = try connection.load(into: "t", columns: nil)
        try abandoned.append(Self.rows(2_000..<2_010), deadline: nil)
        abandoned.abandon()
        #expect(!connection.isAutocommit)
        try connection.run("COMMIT")
        #expect(try bench.rows(database).count == 1_002)
        try connection.run("BEGIN")
        let failing = try connection.load(into: "t", columns: nil)
        #expect(throws: SQLError.self) {
            try failing.append(Self.rows(500..<5_000), deadline: nil)
            _ = try failing.finish(deadline: nil)
        }
        if !connection.isAutocommit { try connection.run("ROLLBACK") }
        #expect(connection.isAutocommit)
        #expect(try bench.rows(database).count == 1_002)
    }

    /// Large enough to bypass DuckDB's WAL, and SQLite's page cache.
    @Test(arguments: EngineUnderTest.all)
    func aLargeLoadIsCapturedAndRestored(_ tested: EngineUnderTest) throws {
        let bench = try EngineBench(tested)
        let database = try bench.newDatabase()
        var sets = [try #require(try database.capture()).pages]
        try bench.use(database) { connection in
            let loader = try connection.load(into: "t", columns: nil)
            for start in stride(from: 0, to: 500_000, by: 10_000) {
                try loader.append(Self.rows(start..<start + 10_000), deadline: .now + .seconds(100))
                if start == 250_000 { #expect(try database.capture() == nil, "nothing of it before it is committed") }
            }
            #expect(try loader.finish(deadline: .now + .seconds(100)) == 500_000)
        }
        sets.append(try #require(try database.capture()).pages)
        let sum = "SELECT count(*), sum(a), count(b), sum(length(b)), min(b), max(b) FROM t"
        let copy = try bench.engine.open(bench.restore(sets), base: .restored)
        let restored = try bench.use(copy) { try $0.run(sum).rows }
        #expect(try bench.use(database) { try $0.run(sum).rows } == restored)
        #expect(restored.first?.first == .integer(500_000))
        try copy.closeClean()
    }
}
