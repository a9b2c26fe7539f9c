import Foundation
import FleetModel

/// A node over HTTP, with engines in processes and in threads, against a bare server of the same answers.
struct ServeBenchmark: Benchmark {
    let name = "serve"
    let explanation = """
        One node of `berth dev` over HTTP/1.1, 64 connections that each wait for their answer, against a bare SwiftNIO server.

        Subject: the real processes: gateway, leases, shipping (every 250 ms), engines in child processes as they are by default;
        and a second fleet with engine-isolation = thread. Requests are POST /v3/pipeline with one statement and the end of the stream.
        Baseline: SwiftNIO's HTTP/1 server on as many threads as there are cores. It reads each request and sends the bytes that the
        node sent for one, and does nothing else. All three get the same requests from the same client: one thread that polls.

          INSERT        a row of about 120 bytes in autocommit, committed in groups.
          point read    a row by its key.

        Checked: every request is answered with 200, every INSERT answers one row, and afterwards the table has as many rows as were
        acknowledged.
        """

    private static let connections = 64
    private static let database = "serve"

    func run(_ context: BenchmarkContext) async throws -> [Measurement] {
        try await DevFleet.with(context.workplace, named: "process", settings: ["engine-isolation": "process"]) { processes in
            try await DevFleet.with(context.workplace, named: "thread", settings: ["engine-isolation": "thread"]) { threads in
                try await measure(context, processes, threads)
            }
        }
    }

    private func measure(_ context: BenchmarkContext, _ processes: DevFleet, _ threads: DevFleet) async throws -> [Measurement] {
        let rows = 10_000
        for fleet in [processes, threads] {
            try await fleet.create([Self.database])
            try await fleet.execute(Self.database, "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
            try await fleet.execute(
                Self.database,
                "INSERT INTO t SELECT value, printf('%0120d', value) FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < \(rows)) SELECT value FROM n)")
        }
        var results: [Measurement] = []
        let body = String(repeating: "x", count: 120)
        let inserts = context.scaled(20_000, minimum: Self.connections)
        results += try await compare("INSERT", inserts, context, processes, threads) { fleet, _ in
            fleet.request(Self.database, "INSERT INTO t (body) VALUES (?)", [.text(body)])
        }
        for fleet in [processes, threads] where context.includes("INSERT") {
            let count = try await fleet.execute(Self.database, "SELECT count(*) FROM t").rows.first?.first ?? nil
            // And the one whose answer the bare server gives.
            let expected = rows + inserts * context.rounds + 1
            guard count == "\(expected)" else { throw WorkLost("\(expected) rows were acknowledged, \(count ?? "none") are there") }
        }
        results += try await compare("point read", context.scaled(30_000, minimum: Self.connections), context, processes, threads) { fleet, number in
            fleet.request(Self.database, "SELECT id, body FROM t WHERE id = ?", [.integer(Int64(number % rows) + 1)])
        }
        return results
    }

    private func compare(
        _ metric: String, _ count: Int, _ context: BenchmarkContext, _ processes: DevFleet, _ threads: DevFleet,
        _ request: @escaping @Sendable (DevFleet, Int) -> [UInt8]
    ) async throws -> [Measurement] {
        guard context.includes(metric) else { return [] }
        // What is answered, and by the way that it is right.
        let sample = request(processes, 0)
        let answer = try await HTTPLoad(port: processes.gateway, connections: 1, keepsLast: true).run(requests: 1) { _ in sample }
        try answer.expectAll(of: 1, [200], metric)
        _ = try PipelineAnswer(answer.lastBody)
        if metric == "INSERT" { _ = try await threads.execute(Self.database, "INSERT INTO t (body) VALUES ('one more')") }
        let bare = try await BareServer(answering: answer.lastBody, headers: Self.headers(of: answer.lastAnswer))
        var rates: [Side: [Double]] = [:], latencies: [Side: [Double]] = [:]
        for round in 0..<context.rounds {
            // Who comes second finds other caches than who comes first: they change places.
            let order: [Side] = round.isMultiple(of: 2) ? [.bare, .processes, .threads] : [.threads, .processes, .bare]
            for side in order {
                let (port, fleet) = switch side {
                case .bare: (bare.port, processes)
                case .processes: (processes.gateway, processes)
                case .threads: (threads.gateway, threads)
                }
                let outcome = try await HTTPLoad(port: port, connections: Self.connections, keepsLast: true).run(requests: count) { number in
                    request(fleet, number)
                }
                try outcome.expectAll(of: count, [200], "\(metric), \(side)")
                let last = try PipelineAnswer(outcome.lastBody).statements
                guard last.count == 1, last[0].affectedRows == (metric == "INSERT" ? 1 : 0) else { throw WorkLost("\(metric), \(side): \(last)") }
                rates[side, default: []].append(Double(count) / outcome.seconds)
                latencies[side, default: []] += outcome.latencies
            }
        }
        try await bare.stop()
        func ratio(_ one: Side, _ other: Side) -> Double { Statistics.median(zip(rates[one] ?? [], rates[other] ?? []).map { $0 / $1 }) }
        func rate(_ side: Side) -> Double { Statistics.median(rates[side] ?? []) }
        return [
            Measurement(
                metric: "\(metric), processes against a bare server", value: rate(.processes), unit: "requests/s", baseline: rate(.bare),
                ratio: ratio(.processes, .bare), target: .ratio(atLeast: 0.45)),
            Measurement(
                metric: "\(metric), processes against threads", value: rate(.processes), unit: "requests/s", baseline: rate(.threads),
                ratio: ratio(.processes, .threads), target: .ratio(atLeast: 0.75)),
            Measurement(
                metric: "\(metric), processes, p99", value: Statistics.percentile(latencies[.processes] ?? [], 0.99), unit: "ms",
                baseline: Statistics.percentile(latencies[.bare] ?? [], 0.99), target: .value(atMost: 5)),
        ]
    }

    private enum Side { case bare, processes, threads }

    private static func headers(of answer: [UInt8]) -> [(String, String)] {
        String(decoding: answer, as: UTF8.self).components(separatedBy: "\r\n\r\n")[0].components(separatedBy: "\r\n").dropFirst().compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces)) : nil
        }
    }
}
