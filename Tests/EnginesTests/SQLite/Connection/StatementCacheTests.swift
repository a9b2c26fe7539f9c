import Engines
import FleetModel
import Testing

@Suite struct StatementCacheTests {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    var connection: SQLiteConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try SQLiteDatabase(path: directory.file("a.db"))
    }

    /// Equal as Swift's strings, and different statements all the same.
    @Test func textsAreToldApartByTheirBytes() throws {
        for _ in 0..<2 {
            #expect(try connection.value("SELECT length('\u{E9}')") == .integer(1))
            #expect(try connection.value("SELECT length('e\u{301}')") == .integer(2))
        }
    }

    @Test func moreStatementsThanAreKeptGiveTheirOwnAnswers() throws {
        for round in 0..<3 {
            for number in 0..<100 { #expect(try connection.value("SELECT \(number) + ?", .integer(Int64(round))) == .integer(Int64(number + round))) }
        }
    }

    @Test(arguments: [
        ("SELECT 1", true), ("  /* a */ select 1", true), ("insert into t values (1)", true), ("REPLACE INTO t VALUES (1)", true),
        ("WITH a AS (SELECT 1) SELECT * FROM a", true), ("VALUES (1)", true), ("UPDATE t SET a = 1", true), ("DELETE FROM t", true),
        ("BEGIN", false), ("SAVEPOINT a", false), ("SAVEPOINTS", false), ("RELEASE a", false), ("END", false), ("COMMIT", false),
        ("ROLLBACK TO a", false), ("PRAGMA user_version", false), ("VACUUM", false), ("CREATE TABLE t (a)", false), ("", false),
        ("EXPLAIN SELECT 1", false), ("SELECTION", false), ("INSERTS", false), ("ALTER TABLE t ADD b", false), ("-- only this", false),
    ])
    func whatMayShareATransactionIsToldFromTheFirstWord(_ sql: String, _ mayShare: Bool) {
        #expect(SQLiteEngine().mayShareTransaction(sql) == mayShare)
    }
}
