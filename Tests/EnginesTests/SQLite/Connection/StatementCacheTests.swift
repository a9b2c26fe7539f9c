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
        ("SELECT 1", TransactionRole.inside), ("  /* a */ select 1", .inside), ("insert into t values (1)", .inside),
        ("REPLACE INTO t VALUES (1)", .inside), ("WITH a AS (SELECT 1) SELECT * FROM a", .inside), ("VALUES (1)", .inside),
        ("UPDATE t SET a = 1", .inside), ("DELETE FROM t", .inside), ("BEGIN", .begins), ("begin immediate", .begins),
        ("END", .commits), ("COMMIT", .commits), ("ROLLBACK", .undoes), ("ROLLBACK TO a", .undoes), ("SAVEPOINT a", .unknown),
        ("SAVEPOINTS", .unknown), ("RELEASE a", .unknown), ("PRAGMA user_version", .unknown), ("VACUUM", .unknown),
        ("CREATE TABLE t (a)", .unknown), ("", .unknown), ("EXPLAIN SELECT 1", .unknown), ("SELECTION", .unknown),
        ("INSERTS", .unknown), ("ALTER TABLE t ADD b", .unknown), ("-- only this", .unknown), ("BEGINNING", .unknown),
    ])
    func theFirstWordTellsWhatAStatementIsToTransactions(_ sql: String, _ role: TransactionRole) {
        #expect(SQLiteEngine().transactionRole(of: sql) == role)
    }
}
