import BerthTestKit
import FleetModel
import FleetStore
import Testing

@Suite(.timeLimit(.minutes(2)))
struct MigrationTests {
    private let one = Migration(number: 1, name: "first", sql: "CREATE TABLE a (n int8); INSERT INTO a VALUES (1);")
    private let two = Migration(number: 2, name: "second", sql: "ALTER TABLE a ADD COLUMN b text; UPDATE a SET n = n + 1;")

    @Test func appliesWhatIsMissingInOrderAndOnce() async throws {
        let connection = try await connect()
        #expect(try await MigrationRunner([one]).migrate(connection) == [one])
        #expect(try await MigrationRunner([one, two]).migrate(connection) == [two])
        #expect(try await MigrationRunner([one, two]).migrate(connection) == [])
        #expect(try await connection.query("SELECT n FROM a")[0].int64(0) == 2)
        try await MigrationRunner([one, two]).check(connection)
        let rows = try await connection.query("SELECT * FROM schema_migrations ORDER BY number")
        #expect(try rows.map { row in try row.string("name") } == ["first", "second"])
        #expect(try rows.map { row in try row.string("checksum") } == [one.checksum, two.checksum])
    }

    @Test func aChecksumIsTheSHA256OfTheText() {
        #expect(
            Migration(number: 1, name: "abc", sql: "abc").checksum
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func concurrentMigratorsApplyEachOnce() async throws {
        let conninfo = try await TestPostgres.shared().makeDatabase()
        let applied = try await withThrowingTaskGroup(of: [Migration].self) { group in
            for _ in 0..<8 {
                group.addTask { try await MigrationRunner([one, two]).migrate(connect(conninfo)) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted { $0.number < $1.number } == [one, two])
        #expect(try await connect(conninfo).query("SELECT n FROM a")[0].int64(0) == 2)
    }

    @Test func aFailingMigrationLeavesNothingBehind() async throws {
        let connection = try await connect()
        let broken = Migration(number: 2, name: "broken", sql: "CREATE TABLE c (n int8); SELECT 1 / 0;")
        await #expect(throws: BerthError.self) { try await MigrationRunner([one, broken]).migrate(connection) }
        #expect(try await connection.query("SELECT to_regclass('c') IS NULL AND to_regclass('a') IS NOT NULL")[0].bool(0))
        #expect(try await MigrationRunner([one, two]).migrate(connection) == [two])
    }

    @Test func aChangedTextAndANewerSchemaAreRefused() async throws {
        let connection = try await connect()
        try await MigrationRunner([one, two]).migrate(connection)
        let changed = Migration(number: 1, name: "first", sql: one.sql + " ")
        for runner in [try MigrationRunner([changed, two]), try MigrationRunner([one])] {
            #expect(await code { try await runner.migrate(connection) } == .schemaMismatch)
            #expect(await code { try await runner.check(connection) } == .schemaMismatch)
        }
    }

    @Test func checkingChangesNothingAndNamesTheCommand() async throws {
        let connection = try await connect()
        let runner = try MigrationRunner([one, two])
        let error = await #expect(throws: BerthError.self) { try await runner.check(connection) }
        #expect(error?.code == .schemaMismatch)
        #expect(error?.message.contains("berth migrate") == true)
        #expect(try await connection.query("SELECT to_regclass('schema_migrations') IS NULL")[0].bool(0))
    }

    @Test func aHoleInTheHistoryIsRefused() async throws {
        let connection = try await connect()
        try await MigrationRunner([one, two]).migrate(connection)
        _ = try await connection.query("DELETE FROM schema_migrations WHERE number = 1")
        #expect(await code { try await MigrationRunner([one, two]).migrate(connection) } == .schemaMismatch)
    }

    @Test func numbersMustHaveNoGaps() {
        #expect(throws: BerthError.self) { try MigrationRunner([two]) }
        #expect(throws: BerthError.self) { try MigrationRunner([one, one]) }
    }

    private func code<T>(_ body: () async throws -> T) async -> BerthError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? BerthError)?.code
        }
    }
}
