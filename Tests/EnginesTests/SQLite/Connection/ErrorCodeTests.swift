@testable import Engines
import FleetModel
import Foundation
import Testing

@Suite struct ErrorCodeTests {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    var connection: SQLiteConnection { database.primary }

    init() throws {
        directory = try TemporaryDirectory()
        database = try SQLiteDatabase(path: directory.file("a.db"))
        try connection.executeScript(
            """
            PRAGMA foreign_keys = ON;
            CREATE TABLE t (id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 0, c CHECK (c > 0));
            CREATE TABLE child (t REFERENCES t);
            CREATE TABLE strict (i INTEGER) STRICT;
            INSERT INTO t (id, u) VALUES (1, 1);
            """)
    }

    @Test(arguments: [
        ("", "SQL_NO_STATEMENT"), (" ; -- only a comment\n /* and */;", "SQL_NO_STATEMENT"), ("/* open", "SQL_NO_STATEMENT"),
        ("SELECT 1; SELECT 2", "SQL_MANY_STATEMENTS"), ("SELECT 1;;x", "SQL_MANY_STATEMENTS"),
        ("SELEKT 1", "SQL_PARSE_ERROR"), ("SELECT (1", "SQL_PARSE_ERROR"), ("SELECT 'open", "SQL_PARSE_ERROR"),
        ("SELECT 1\u{0}; DROP TABLE t", "SQL_PARSE_ERROR"), ("SELECT * FROM", "SQL_PARSE_ERROR"),
        ("SELECT * FROM nowhere", "SQLITE_ERROR"), ("SELECT missing FROM t", "SQLITE_ERROR"),
        ("INSERT INTO t (u) VALUES (1)", "SQLITE_CONSTRAINT_UNIQUE"),
        ("INSERT INTO t (id) VALUES (1)", "SQLITE_CONSTRAINT_PRIMARYKEY"),
        ("INSERT INTO t (n) VALUES (NULL)", "SQLITE_CONSTRAINT_NOTNULL"),
        ("INSERT INTO t (c) VALUES (0)", "SQLITE_CONSTRAINT_CHECK"),
        ("INSERT INTO child VALUES (99)", "SQLITE_CONSTRAINT_FOREIGNKEY"),
        ("INSERT INTO strict VALUES ('x')", "SQLITE_CONSTRAINT_DATATYPE"),
        ("INSERT INTO t (id) VALUES ('x')", "SQLITE_MISMATCH"),
        ("SELECT zeroblob(2000000000)", "SQLITE_TOOBIG"), ("COMMIT", "SQLITE_ERROR"), ("SELECT ?", "ARGS_INVALID"),
    ])
    func codes(_ sql: String, _ code: String) { #expect(connection.code(sql) == code) }

    @Test(arguments: ["SELECT 1;", "SELECT 1 ; \n -- end", ";SELECT 1", "\u{FEFF}SELECT 1", "/**/SELECT 1/* open", "SELECT 1;;"])
    func oneStatementIsOneStatement(_ sql: String) throws { #expect(try connection.value(sql) == .integer(1)) }

    @Test func argumentsMustFit() {
        let one = NamedArgument(name: "a", value: .null)
        #expect(connection.code("SELECT ?", .positional([.null, .null])) == "ARGS_INVALID")
        #expect(connection.code("SELECT 1", .positional([.null])) == "ARGS_INVALID")
        #expect(connection.code("SELECT :a, :b", .named([one])) == "ARGS_INVALID")
        #expect(connection.code("SELECT :b", .named([one])) == "ARGS_INVALID")
        #expect(connection.code("SELECT :a", .named([one, one])) == "ARGS_INVALID")
        #expect(connection.code("SELECT :a", .named([one, NamedArgument(name: "c", value: .null)])) == "ARGS_INVALID")
        #expect(connection.code("SELECT ?", .named([one])) == "ARGS_INVALID")
        #expect(connection.code("SELECT :a", .named([one])) == nil)
    }

    @Test func anErrorLeavesTheConnectionUsable() throws {
        #expect(connection.code("INSERT INTO t (u) VALUES (2), (1)") == "SQLITE_CONSTRAINT_UNIQUE")
        #expect(connection.isAutocommit)
        #expect(try connection.value("SELECT count(*) FROM t") == .integer(1))
        try connection.run("INSERT INTO t (u) VALUES (2)")
    }

    @Test func aLockHeldByAnotherConnectionIsBusyAtOnce() throws {
        let other = try database.makeConnection()
        try other.run("BEGIN IMMEDIATE")
        #expect(connection.code("INSERT INTO t (u) VALUES (5)") == "SQLITE_BUSY")
        try other.rollback()
        #expect(connection.code("INSERT INTO t (u) VALUES (5)") == nil)
    }

    @Test func aReaderThatWantsToWriteLateIsToldWhy() throws {
        let other = try database.makeConnection()
        try other.run("BEGIN")
        _ = try other.value("SELECT count(*) FROM t")
        try connection.run("INSERT INTO t (u) VALUES (5)")
        #expect(other.code("INSERT INTO t (u) VALUES (6)") == "SQLITE_BUSY_SNAPSHOT")
    }

    @Test func aClosedConnectionSaysSo() throws {
        let other = try database.makeConnection()
        database.close(other)
        #expect(other.code("SELECT 1") == "SQLITE_MISUSE")
        #expect(database.connections.isEmpty)
    }

    @Test func aFileThatIsNoDatabaseIsRefused() throws {
        try directory.write([UInt8](repeating: 7, count: 8192), to: "other")
        let error = #expect(throws: SQLError.self) { try SQLiteDatabase(path: directory.file("other")) }
        #expect(error?.code == "SQLITE_NOTADB")
        let missing = #expect(throws: SQLError.self) { try SQLiteDatabase(path: directory.file("no/such/place")) }
        #expect(missing?.code.hasPrefix("SQLITE_CANTOPEN") == true)
    }

    /// The table against SQLite's own header.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/include/sqlite3.h")))
    func namesAreThoseOfTheHeader() throws {
        let header = try String(contentsOfFile: "/usr/include/sqlite3.h", encoding: .utf8)
        var primaries: [String: Int32] = [:]
        var checked = 0
        for line in header.split(separator: "\n") where line.hasPrefix("#define SQLITE_") {
            if let match = line.wholeMatch(of: /#define (SQLITE_[A-Z]+) +([0-9]+) +\/\*.*/), let code = Int32(match.2) {
                if primaries[String(match.1)] == nil && checked == 0 { primaries[String(match.1)] = code }
            } else if let match = line.wholeMatch(of: /#define (SQLITE_\w+) +\((SQLITE_[A-Z]+) *\| *\(([0-9]+)<<8\)\).*/),
                let primary = primaries[String(match.2)], let extended = Int32(match.3)
            {
                #expect(SQLiteResultCode.name(primary | extended << 8) == String(match.1))
                checked += 1
            }
        }
        #expect(checked > 70)
        #expect(SQLiteResultCode.name(5) == "SQLITE_BUSY")
        #expect(SQLiteResultCode.name(5 | 200 << 8) == "SQLITE_BUSY")
    }
}
