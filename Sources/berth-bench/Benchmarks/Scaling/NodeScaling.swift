import Engines
import FleetModel
import FleetStore
import Hrana
import Routing
import WorkerNode

/// What a node does for the requests of one database of each engine.
struct NodeScaling: Sendable {
    let context: BenchmarkContext

    private struct Path: Sendable {
        let name: String
        let size: Int
        /// What is to be sent, and how many at a time.
        let bodies: @Sendable (Int) -> (bodies: [[UInt8]], route: DataRoute, query: String?)
    }

    private static let paths = [
        Path(name: "requests in groups", size: 1_000) { size in
            ((0..<size).map { PipelineBody.single("INSERT INTO t VALUES (?, ?)", [.integer(Int64($0)), .text("row")]) }, .pipeline(.three), nil)
        },
        Path(name: "statements of a request", size: 1_000) { size in
            ([PipelineBody.many((0..<size).map { .init(sql: "INSERT INTO t VALUES (?, ?)", arguments: [.integer(Int64($0)), .text("row")]) })], .pipeline(.three), nil)
        },
        Path(name: "steps of a transaction", size: 1_000) { size in
            ([PipelineBody.transaction((0..<size).map { .init(sql: "INSERT INTO t VALUES (?, ?)", arguments: [.integer(Int64($0)), .text("row")]) })], .pipeline(.three), nil)
        },
        Path(name: "rows of a load", size: 10_000) { size in
            ([Array("a,b\n".utf8) + (0..<size).flatMap { Array("\($0),row \($0)\n".utf8) }], .load, "table=t")
        },
        Path(name: "rows of a cursor", size: 10_000) { size in
            let sql = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(size - 1)) SELECT i, 'row' FROM n"
            return ([Array(#"{"batch":{"steps":[{"stmt":{"sql":"\#(sql)"}}]}}"#.utf8)], .cursor, nil)
        },
    ]

    func run() async throws -> [Measurement] {
        var results: [Measurement] = []
        let engines: [any Engine] = [SQLiteEngine(), DuckDBEngine(library: try DuckDBLibrary.load())]
        try await BenchFleet.with(context.workplace, engines: EngineSet(engines)) { fleet in
            for engine in engines {
                let record = try await fleet.create("scaling-\(engine.kind.rawValue)", engine.kind)
                let driver = DataDriver(node: fleet.node, database: record.name)
                try await driver.execute("CREATE TABLE t (a INTEGER, b VARCHAR)")
                for path in Self.paths where context.includes("node, \(engine.kind.rawValue), \(path.name)") {
                    results.append(try await measure(path, engine.kind, driver, fleet))
                }
            }
        }
        return results
    }

    private func measure(_ path: Path, _ kind: EngineKind, _ driver: DataDriver, _ fleet: BenchFleet) async throws -> Measurement {
        let size = context.scaled(path.size)
        var outcome = Contest.Outcome()
        for _ in 0..<context.rounds {
            for (size, turns) in Contest.Outcome.sizes(from: size) {
                try await driver.execute("DELETE FROM t")
                try await fleet.drainShipping()
                let call = path.bodies(size)
                let start = ProcessorTime.now
                let answered = try await driver.bytes(of: call.bodies, route: call.route, query: call.query, concurrency: 64)
                // Shipping what was written is a part of it.
                try await fleet.drainShipping()
                outcome[keyPath: turns].append(Turn(rate: (ProcessorTime.now - start).inSeconds * 1e3, processorTime: 0))
                guard answered > 0 else { throw WorkLost("there is no answer") }
                if case .cursor = call.route { continue }
                let count = try await driver.execute("SELECT count(*) FROM t").rows
                try ScalingRun.expect("rows", count, [["\(size)"]])
            }
        }
        return outcome.measurement(
            "node, \(kind.rawValue), \(path.name), \(ReportNumber.short(Double(4 * size)))", unit: "ms",
            target: .ratio(atMost: ScalingBenchmark.limit))
    }
}

extension DataDriver {
    /// Sends everything and reads each answer to its end.
    ///
    /// - Returns: the bytes of all answers.
    /// - Throws: `WorkLost` for a request that was refused.
    fileprivate func bytes(of bodies: [[UInt8]], route: DataRoute, query: String?, concurrency: Int) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            let lanes = min(concurrency, bodies.count)
            for lane in 0..<lanes {
                group.addTask {
                    var count = 0
                    for index in stride(from: lane, to: bodies.count, by: lanes) {
                        let reply: DataReply
                        do {
                            reply = try await node.serve(
                                DataCall(
                                    database: database, route: route, query: query, body: bodies[index], access: .readWrite,
                                    tokenDigest: [], requestID: "bench"))
                            count += reply.body.count
                            while let piece = try await reply.rest?.next() { count += piece.count }
                        } catch { throw WorkLost("a request was refused: \(error)") }
                        guard reply.status == 200 else {
                            throw WorkLost("status \(reply.status): \(String(decoding: reply.body.prefix(400), as: UTF8.self))")
                        }
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
    }
}
