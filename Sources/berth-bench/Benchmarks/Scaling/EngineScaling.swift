import Changesets
import Engines
import FleetModel
import Foundation

/// What one engine does for one connection and for shipping.
struct EngineScaling: Sendable {
    private let label: String
    private let make: @Sendable () throws -> any Engine

    init(_ label: String, _ make: @escaping @Sendable () throws -> any Engine) {
        self.label = label
        self.make = make
    }

    var paths: [ScalingPath] { statements + rows + files }

    // MARK: - What a client asks for

    private var statements: [ScalingPath] {
        [
            path("bytes of a text in the SQL", 400_000) { connection, size in
                try run(connection, "SELECT length('\(String(repeating: "x", count: size))')")
            },
            path("rows of a VALUES", 2_000) { connection, size in
                try run(connection, "INSERT INTO t VALUES \((0..<size).map { "(\($0), 'row \($0)')" }.joined(separator: ", "))")
            },
            path("terms of an IN", 2_000) { connection, size in
                try run(connection, "SELECT count(*) FROM t WHERE a IN (\((0..<size).map(String.init).joined(separator: ", ")))")
            },
            path("arguments by place", 4_000) { connection, size in
                try run(
                    connection, "INSERT INTO t VALUES \(Array(repeating: "(?, ?)", count: size / 2).joined(separator: ", "))",
                    .positional((0..<size).map { .integer(Int64($0)) }))
            },
            path("arguments by name", 500) { connection, size in
                try run(
                    connection, "INSERT INTO t VALUES \((0..<size).map { "($p\($0), 'x')" }.joined(separator: ", "))",
                    .named((0..<size).map { NamedArgument(name: "p\($0)", value: .integer(Int64($0))) }))
            },
            path("columns of a result", 400) { connection, size in
                let sql = "SELECT \((0..<size).map { "\($0) AS c\($0)" }.joined(separator: ", "))"
                for _ in 0..<10 { try ScalingRun.expect("columns", try run(connection, sql).columns.count, size) }
            },
            path("columns of a table", 400) { connection, size in
                try run(connection, "CREATE TABLE w (\((0..<size).map { "c\($0) INTEGER" }.joined(separator: ", ")))")
                try load(connection, "w", rows: 10) { _ in (0..<size).map { .integer(Int64($0)) } }
                try ScalingRun.expect("columns", try run(connection, "SELECT * FROM w").columns.count, size)
            },
            path("statements of a script", 1_000) { connection, size in
                let inserts = (0..<size).map { "INSERT INTO t VALUES (\($0), 'row \($0)');" }
                try connection.executeScript("BEGIN;" + inserts.joined() + "COMMIT;")
            },
        ]
    }

    private var rows: [ScalingPath] {
        [
            path("rows loaded", 20_000) { connection, size in try fill(connection, size) },
            path("rows of a result", 20_000, prepare: fill) { connection, size in
                try ScalingRun.expect("rows", try run(connection, "SELECT a, b FROM t").rowBlock.count, size)
            },
            path("rows of a cursor", 20_000, prepare: fill) { connection, size in
                let cursor = try connection.cursor(SQLStatement("SELECT a, b FROM t"), readOnly: false, deadline: nil)
                defer { cursor.close() }
                var count = 0
                while case let rows = try cursor.next(atMost: 64 << 10, deadline: nil), !rows.isEmpty { count += rows.count }
                try ScalingRun.expect("rows", count, size)
            },
        ]
    }

    /// A path on a connection to a database with the table `t`.
    private func path(
        _ name: String, _ size: Int, prepare: @escaping @Sendable (any EngineConnection, Int) throws -> Void = { _, _ in },
        _ work: @escaping @Sendable (any EngineConnection, Int) throws -> Void
    ) -> ScalingPath {
        files(name, size) { database, _, size in
            let connection = try database.takeConnection()
            defer { database.giveBack(connection) }
            try prepare(connection, size)
            return try ScalingRun.timed { try work(connection, size) }
        }
    }

    // MARK: - What ships it

    private var files: [ScalingPath] {
        [
            files("rows captured", 20_000) { database, _, size in
                try use(database) { try fill($0, size) }
                return try ScalingRun.timed { try ScalingRun.expect("a full capture", try database.capture()?.isFull, true) }
            },
            files("changed rows captured", 20_000) { database, _, size in
                try use(database) { try fill($0, size) }
                _ = try database.capture()
                try use(database) { try run($0, "UPDATE t SET b = 'changed'") }
                return try ScalingRun.timed { try ScalingRun.expect("a full capture", try database.capture()?.isFull, false) }
            },
            files("commits captured one by one", 200) { database, _, size in
                _ = try database.capture()
                return try ScalingRun.timed {
                    for number in 0..<size {
                        try use(database) { try run($0, "INSERT INTO t VALUES (\(number), 'x')") }
                        guard try database.capture() != nil else { throw WorkLost("a commit was not captured") }
                    }
                }
            },
            files("rows captured once more", 20_000) { database, _, size in
                try use(database) { try fill($0, size) }
                _ = try database.capture()
                return try ScalingRun.timed { try ScalingRun.expect("a full capture", try database.captureAll().isFull, true) }
            },
            files("rows checkpointed", 20_000) { database, _, size in
                try use(database) { try fill($0, size) }
                _ = try database.capture()
                return try ScalingRun.timed { try database.checkpoint(above: 0) }
            },
            files("rows restored and opened", 20_000) { database, folder, size in
                try use(database) { try fill($0, size) }
                guard let pages = try database.capture()?.pages else { throw WorkLost("nothing was captured") }
                return try restore([pages], folder, size)
            },
            files("changesets restored and opened", 100) { database, folder, size in
                var sets = [try database.captureAll().pages]
                for number in 0..<size {
                    try use(database) { try run($0, "INSERT INTO t VALUES (\(number), 'x')") }
                    guard let pages = try database.capture()?.pages else { throw WorkLost("a commit was not captured") }
                    sets.append(pages)
                }
                return try restore(sets, folder, size)
            },
        ]
    }

    private func files(
        _ name: String, _ size: Int, _ work: @escaping @Sendable (any EngineDatabase, _ folder: String, Int) throws -> Duration
    ) -> ScalingPath {
        ScalingPath(name: "\(label), \(name)", size: size) { [make] run in
            try FileManager.default.createDirectory(atPath: run.folder, withIntermediateDirectories: true)
            let database = try make().open(run.folder + "/source.db", base: .empty)
            defer { database.close() }
            try use(database) { try self.run($0, "CREATE TABLE t (a INTEGER, b VARCHAR)") }
            return try work(database, run.folder, run.size)
        }
    }

    private func restore(_ sets: [PageSet], _ folder: String, _ size: Int) throws -> Duration {
        let engine = try make()
        var copy: (any EngineDatabase)?
        let time = try ScalingRun.timed {
            let builder = try engine.build(at: folder + "/copy.db")
            for set in sets { try builder.apply(set) }
            try builder.finish()
            copy = try engine.open(folder + "/copy.db", base: .restored)
        }
        guard let copy else { throw WorkLost("what was restored is not open") }
        defer { copy.close() }
        try use(copy) { try ScalingRun.expect("rows restored", try run($0, "SELECT count(*) FROM t").rows, [[.integer(Int64(size))]]) }
        return time
    }

    // MARK: - Means

    @discardableResult
    private func use<Answer>(_ database: any EngineDatabase, _ body: (any EngineConnection) throws -> Answer) throws -> Answer {
        let connection = try database.takeConnection()
        defer { database.giveBack(connection) }
        return try body(connection)
    }

    @discardableResult
    private func run(_ connection: any EngineConnection, _ sql: String, _ arguments: SQLArguments = .none) throws -> SQLResult {
        try connection.execute(SQLStatement(sql, arguments: arguments), limits: .unlimited)
    }

    private func fill(_ connection: any EngineConnection, _ size: Int) throws {
        try load(connection, "t", rows: size) { [.integer(Int64($0)), .text("row \($0), and about as much as a row has in most tables")] }
    }

    private func load(_ connection: any EngineConnection, _ table: String, rows: Int, _ row: (Int) -> [SQLValue]) throws {
        let loader = try connection.load(into: table, columns: nil)
        for start in stride(from: 0, to: rows, by: 2_048) {
            try loader.append((start..<min(rows, start + 2_048)).map(row), deadline: nil)
        }
        try ScalingRun.expect("rows loaded", try loader.finish(deadline: nil), Int64(rows))
    }
}
