import BerthTestKit
@testable import Engines
import FleetModel

/// Random statements on a few tables, the same for the same seed.
struct DuckDBWorkload {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    func prepare(_ connection: DuckDBConnection) throws {
        try connection.executeScript(
            """
            CREATE TABLE IF NOT EXISTS a (id BIGINT, x VARCHAR, y DOUBLE);
            CREATE TABLE IF NOT EXISTS k (id BIGINT PRIMARY KEY, v VARCHAR);
            """)
    }

    /// One transaction, or one statement on its own; some are rolled back, some bypass the WAL, some checkpoint.
    mutating func step(_ connection: DuckDBConnection) throws {
        switch number(0...19) {
        case 0: try connection.runTrusted("CHECKPOINT")
        case 1:
            // A row group and more: its blocks are written before the WAL entry that refers to them.
            try connection.run("INSERT INTO a SELECT i, 'row ' || hash(i + \(number(0...999))), random() FROM range(300000) t(i)")
        case 2: try connection.run("DELETE FROM a WHERE id % \(number(2...5)) = 0")
        case 3: try connection.run("UPDATE a SET y = y + 1 WHERE id < \(number(0...5_000))")
        case 4: try schemaChange(connection)
        case 5: try transaction(connection, commits: true)
        case 6: try transaction(connection, commits: false)
        case 7:
            try connection.run("BEGIN")
            try connection.run("INSERT INTO a SELECT i, 'rolled back', 0 FROM range(200000) t(i)")
            try connection.run("ROLLBACK")
        case 8: try connection.run("DELETE FROM a")
        default: try change(connection)
        }
    }

    private mutating func transaction(_ connection: DuckDBConnection, commits: Bool) throws {
        try connection.run("BEGIN")
        for _ in 0..<5 { try change(connection) }
        try connection.run(commits ? "COMMIT" : "ROLLBACK")
    }

    mutating func change(_ connection: DuckDBConnection) throws {
        switch number(0...3) {
        case 0: try connection.run("DELETE FROM k WHERE id > ?", .integer(Int64(number(0...400))))
        case 1:
            try connection.run(
                "INSERT OR REPLACE INTO k SELECT i, repeat('v', \(number(0...60))) FROM range(\(number(0...200)), \(number(201...500))) t(i)")
        default:
            try connection.run(
                "INSERT INTO a VALUES (?, ?, ?)", .integer(Int64(number(0...500_000))), .text(String(repeating: "x", count: number(0...200))),
                .real(Double(number(0...9))))
        }
    }

    private mutating func schemaChange(_ connection: DuckDBConnection) throws {
        let name = "t\(number(0...3))"
        if chance(60) {
            try connection.run("CREATE OR REPLACE TABLE \(name) AS SELECT i AS n, [i, i + 1] AS l FROM range(\(number(1...150_000))) t(i)")
        } else {
            try connection.run("DROP TABLE IF EXISTS \(name)")
        }
    }
}
