import BerthTestKit
import FleetModel
import FleetStore
import Migrations
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

    /// An old process that dies after the schema was migrated must come back: nodes are upgraded one after the other.
    @Test func aNewerSchemaThatSaysSoIsLivedWith() async throws {
        let connection = try await connect()
        let additive = Migration(number: 2, name: "additive", sql: "-- compatible_from: 1\nALTER TABLE a ADD COLUMN c text")
        try await MigrationRunner([one, additive]).migrate(connection)
        let old = try MigrationRunner([one])
        try await old.check(connection)
        #expect(try await old.migrate(connection) == [])

        // One that is not for older programs ends that, also when the next one would be.
        let breaking = Migration(number: 3, name: "breaking", sql: "ALTER TABLE a DROP COLUMN b")
        let harmless = Migration(number: 4, name: "harmless", sql: "-- compatible_from: 3\nSELECT 1")
        let two = Migration(number: 2, name: "additive", sql: additive.sql)
        _ = try await connection.query("ALTER TABLE a ADD COLUMN b text")
        try await MigrationRunner([one, two, breaking, harmless]).migrate(connection)
        #expect(await code { try await old.check(connection) } == .schemaMismatch)
        #expect(await code { try await MigrationRunner([one, two]).check(connection) } == .schemaMismatch)
        try await MigrationRunner([one, two, breaking]).check(connection)
    }

    /// The table of a program from before the marker has no column for it.
    @Test func aHistoryWithoutMarkersIsRead() async throws {
        let connection = try await connect()
        try await MigrationRunner([one]).migrate(connection)
        _ = try await connection.query("ALTER TABLE schema_migrations DROP COLUMN compatible_from")
        try await MigrationRunner([one]).check(connection)
        #expect(try await MigrationRunner([one, two]).migrate(connection) == [two])
    }

    @Test func everyMigrationSinceTheFirstReleaseSaysWhoCanLiveWithIt() {
        for migration in Migrations.all.dropFirst(3) {
            let parsed = Migration(number: migration.number, name: migration.name, sql: migration.sql)
            #expect(parsed.compatibleFrom.map { (1...migration.number).contains($0) } == true, "\(migration.name)")
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
