import BerthTestKit
import Engines
import FleetModel

/// Random statements on a few tables, the same for the same seed.
struct Workload {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    func prepare(_ connection: SQLiteConnection) throws {
        try connection.executeScript(
            """
            CREATE TABLE IF NOT EXISTS a (id INTEGER PRIMARY KEY, x, y);
            CREATE INDEX IF NOT EXISTS a_x ON a (x);
            CREATE TABLE IF NOT EXISTS b (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
            """)
    }

    /// One transaction, or one statement on its own; some are rolled back, some are larger than the page cache and spill.
    mutating func step(_ connection: SQLiteConnection) throws {
        switch number(0...19) {
        case 0: try connection.run("VACUUM")
        case 1: try connection.run("DELETE FROM a WHERE id > ?", .integer(Int64(number(0...400))))
        case 2: try schemaChange(connection)
        case 3: try transaction(connection, statements: 30, rowsEach: 40, commits: true)
        case 4: try transaction(connection, statements: 30, rowsEach: 40, commits: false)
        case 5: try transaction(connection, statements: 4, rowsEach: 3, commits: chance(70))
        case 6: try connection.run("UPDATE a SET y = randomblob(?)", .integer(Int64(number(0...200))))
        default: try change(connection, rows: number(1...5))
        }
    }

    private mutating func transaction(
        _ connection: SQLiteConnection, statements: Int, rowsEach: Int, commits: Bool
    ) throws {
        try connection.run("BEGIN")
        for _ in 0..<statements { try change(connection, rows: rowsEach) }
        try connection.run(commits ? "COMMIT" : "ROLLBACK")
    }

    mutating func change(_ connection: SQLiteConnection, rows: Int) throws {
        switch number(0...3) {
        case 0:
            for _ in 0..<rows {
                try connection.run(
                    "INSERT OR REPLACE INTO b VALUES (?, ?)", .text("key \(number(0...300))"), .blob(bytes(0...300)))
            }
        case 1: try connection.run("DELETE FROM b WHERE k > ?", .text("key \(number(200...300))"))
        default:
            for _ in 0..<rows {
                try connection.run(
                    "INSERT OR REPLACE INTO a VALUES (?, ?, ?)", .integer(Int64(number(0...500))),
                    .text(String(repeating: "x", count: number(0...50))), .blob(bytes(0...2_000)))
            }
        }
    }

    private mutating func schemaChange(_ connection: SQLiteConnection) throws {
        let name = "t\(number(0...3))"
        if chance(50) {
            try connection.run("CREATE TABLE IF NOT EXISTS \(name) (a, b)")
            try connection.run("INSERT INTO \(name) SELECT x, y FROM a LIMIT 50")
        } else {
            try connection.run("DROP TABLE IF EXISTS \(name)")
        }
    }

    private mutating func bytes(_ count: ClosedRange<Int>) -> [UInt8] {
        let first = UInt8.random(in: 0...255, using: &random)
        return [UInt8](repeating: first, count: number(count))
    }
}
