import FleetModel

/// What quiet tenants notice of a hostile one.
struct FairBenchmark: Benchmark {
    let name = "fair"
    let explanation = """
        100 quiet databases on one node of `berth dev`, beside one that does its worst, against the same 100 alone.

        The quiet ones each send a request every 200 ms, a read by key and an INSERT in turns, 500 a second together. Beside them, on
        other connections, one database after the other does as hard as it can:
          ten-second queries   4 connections that count for ten seconds, again and again.
          hot loops            8 connections with 200 small statements in each request.
          loads                2 connections that insert 200,000 rows with a statement.
          huge answers         4 connections that ask for 8 MB.
          memory bombs         4 connections that sort and concatenate hundreds of megabytes.
          stuck statements     2 connections with a statement that no interruption ends, so that its host has to be ended.
          crashes (DuckDB)     1 connection with 67 bytes that crash the engine; left out where DuckDB is not installed.

        Before each the quiet ones run alone: that is the baseline of its line. Checked: no request of theirs fails in any phase.
        """

    private static let quiet = 100
    private static let pause = Duration.milliseconds(200)

    private struct Attack {
        var name: String
        var engine = EngineKind.sqlite
        var connections: Int
        var prepare: [String] = []
        var sql: String
        /// In one request.
        var repeats = 1
    }

    private static let attacks = [
        Attack(
            name: "ten-second queries", connections: 4,
            sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000000) SELECT count(*) FROM n"),
        Attack(name: "hot loops", connections: 8, sql: "SELECT 1", repeats: 200),
        Attack(
            name: "loads", connections: 2, prepare: ["CREATE TABLE t (a INTEGER, b TEXT)"],
            sql: "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i, printf('%0100d', i) FROM n"),
        Attack(
            name: "huge answers", connections: 4,
            sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) SELECT printf('%01000d', i) FROM n"),
        Attack(
            name: "memory bombs", connections: 4,
            sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(length(x)) FROM (SELECT group_concat(printf('%0400d', i)) AS x FROM n)"),
        Attack(name: "stuck statements", connections: 2, sql: "SELECT instr(zeroblob(3200000), zeroblob(1600000) || x'01')"),
        Attack(
            name: "crashes (DuckDB)", engine: .duckdb, connections: 1, sql: "select (repeat('[',20000)||repeat(']',20000))::json::variant"),
    ]

    func run(_ context: BenchmarkContext) async throws -> [Measurement] {
        let names = (0..<Self.quiet).map { "quiet-\($0)" }
        let phase = Duration.seconds(context.scaled(8, minimum: 2))
        // The time a statement may take as the ten seconds have it; nothing else is changed.
        return try await DevFleet.with(context.workplace, named: "fair", settings: ["statement-timeout-ms": "10000"]) { fleet in
            try await fleet.create(names)
            for name in names { try await fleet.execute(name, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)") }
            _ = try await quiet(fleet, names, for: .seconds(2))
            var results: [Measurement] = []
            for (number, attack) in Self.attacks.enumerated() where context.includes(attack.name) {
                let hostile = "hostile-\(number)"
                do { try await fleet.create([hostile], attack.engine) } catch where attack.engine != .sqlite { continue }
                for statement in attack.prepare { try await fleet.execute(hostile, statement) }
                let alone = try await quiet(fleet, names, for: phase)
                let request = HTTPMessage.post(
                    "/db/\(hostile)/v3/pipeline", token: fleet.token,
                    PipelineBody.many(Array(repeating: PipelineBody.Statement(sql: attack.sql, arguments: []), count: attack.repeats)))
                async let attacked = HTTPLoad(port: fleet.gateway, connections: attack.connections).run(for: phase + .seconds(1)) { _, _ in request }
                let beside = try await quiet(fleet, names, for: phase)
                let hostileOutcome = try await attacked
                let (aloneP99, besideP99) = (Statistics.percentile(alone.latencies, 0.99), Statistics.percentile(beside.latencies, 0.99))
                results.append(
                    Measurement(
                        metric: "\(attack.name), p99 of the others", value: besideP99, unit: "ms", baseline: aloneP99, ratio: besideP99 / max(aloneP99, 0.001),
                        target: .ratio(atMost: 2)))
                results.append(
                    Measurement(
                        metric: "\(attack.name), requests of the others that failed", value: Double(beside.failures()), unit: "requests",
                        target: .value(atMost: 0)))
                results.append(
                    Measurement(
                        metric: "\(attack.name), answers it got", value: Double(hostileOutcome.latencies.count), unit: "requests"))
            }
            // What was acknowledged is there.
            for name in names { try await fleet.execute(name, "SELECT count(*) FROM t") }
            return results
        }
    }

    private func quiet(_ fleet: DevFleet, _ names: [String], for duration: Duration) async throws -> HTTPLoad.Outcome {
        let reads = names.map { fleet.request($0, "SELECT v FROM t WHERE id = ?", [.integer(1)]) }
        let writes = names.map { fleet.request($0, "INSERT INTO t (v) VALUES (?)", [.text("a quiet row")]) }
        let outcome = try await HTTPLoad(port: fleet.gateway, connections: names.count, pause: Self.pause).run(for: duration) { connection, number in
            number.isMultiple(of: 2) ? reads[connection] : writes[connection]
        }
        guard !outcome.latencies.isEmpty else { throw WorkLost("the quiet tenants got no answer at all") }
        return outcome
    }
}
