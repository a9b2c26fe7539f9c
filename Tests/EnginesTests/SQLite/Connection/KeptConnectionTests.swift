import FleetModel
import Foundation
import Testing

@testable import Engines

/// Connections that are given back for the next request.
@Suite struct KeptConnectionTests {
    let directory: TemporaryDirectory
    let database: SQLiteDatabase

    init() throws {
        directory = try TemporaryDirectory()
        database = try SQLiteDatabase(path: directory.file("a.db"))
        try database.primary.run("CREATE TABLE t (a)")
    }

    private func take() throws -> SQLiteConnection { try #require(try database.takeConnection() as? SQLiteConnection) }

    @Test func thePrimaryIsUsedFirstAndOneMoreIsKept() throws {
        let taken = [try take(), try take(), try take()]
        #expect(taken[0] === database.primary)
        for connection in taken { database.giveBack(connection) }
        #expect(database.connections.count == 1 && !taken[2].isOpen)
        #expect(try take() === taken[1])
    }

    /// One that could not be rolled back was closed: nobody must get it again.
    @Test(arguments: [true, false])
    func oneThatIsClosedIsNotKept(isPrimary: Bool) throws {
        let (primary, other) = (try take(), try take())
        let connection = isPrimary ? primary : other
        try connection.run("BEGIN")
        try connection.run("INSERT INTO t VALUES (1)")
        connection.close()
        database.giveBack(connection)
        for _ in 0..<3 { #expect(try take().value("SELECT count(*) FROM t") == .integer(0)) }
        #expect(database.primary.isOpen)
    }

    /// Nothing is hidden when no other can be opened, and it is tried again.
    @Test func aPrimaryThatCannotBeReplacedYet() throws {
        let primary = try take()
        primary.close()
        let (path, away) = (directory.file("a.db"), directory.file("away.db"))
        try FileManager.default.moveItem(atPath: path, toPath: away)
        database.giveBack(primary)
        let error = #expect(throws: SQLError.self) { try take() }
        #expect(error?.code == "SQLITE_CANTOPEN")
        try FileManager.default.moveItem(atPath: away, toPath: path)
        #expect(try take() === database.primary)
        #expect(try database.primary.value("SELECT count(*) FROM t") == .integer(0))
    }

    /// The one that takes its place captures what was committed before and after.
    @Test func thePrimarysSuccessorCaptures() throws {
        var sets = [try #require(try database.capture())]
        let primary = try take()
        try primary.run("INSERT INTO t VALUES (1)")
        primary.close()
        database.giveBack(primary)
        try database.primary.run("INSERT INTO t VALUES (2)")
        sets.append(try #require(try database.capture()))
        _ = try database.checkpoint()
        try database.primary.run("INSERT INTO t VALUES (3)")
        sets.append(try #require(try database.capture()))
        try Replica(sets.map(\.pages), in: directory).expectEqual(to: database)
    }
}
