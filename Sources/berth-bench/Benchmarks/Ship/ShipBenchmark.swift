import FleetModel

/// What many databases that write now and then cost the bucket.
struct ShipBenchmark: Benchmark {
    let name = "ship"
    let explanation = """
        1,000 active databases on one node of `berth dev` (times --scale), each with one INSERT a second, for twenty seconds.

        Bundles are made every 250 ms. Baseline: a PUT for each database that has something to ship, as where every database ships by
        itself: the INSERTs.
          PUTs          of the node to its bucket in a second.
          lag, p99      of the age of the oldest unshipped commit, over databases and time, read ten times a second.

        Checked: every INSERT is acknowledged, and afterwards each database has as many rows as were.
        """

    func run(_ context: BenchmarkContext) async throws -> [Measurement] {
        let names = (0..<context.scaled(1_000, minimum: 10)).map { "ship-\($0)" }
        return try await DevFleet.with(context.workplace, named: "ship") { fleet in
            try await fleet.create(names)
            let creating = names.map { fleet.request($0, "CREATE TABLE t (a INTEGER PRIMARY KEY, v TEXT)") }
            try await HTTPLoad(port: fleet.gateway, connections: 8).run(requests: names.count) { creating[$0] }
                .expectAll(of: names.count, [200], "creating tables")
            let writing = names.map { fleet.request($0, "INSERT INTO t (v) VALUES (?)", [.text(String(repeating: "x", count: 100))]) }
            let duration = Duration.seconds(20)
            let putsBefore = try await puts(fleet)
            let load = HTTPLoad(port: fleet.gateway, connections: names.count, pause: .seconds(1))
            async let written = load.run(for: duration) { connection, _ in writing[connection] }
            let lags = try await lags(fleet, for: duration)
            let outcome = try await written
            let seconds = outcome.seconds
            let puts = try await puts(fleet) - putsBefore
            guard outcome.failures() == 0 else { throw WorkLost("\(outcome.statuses), \(outcome.firstRefusal)") }
            // Those whose answers were not waited for may be there as well.
            var rows = 0
            for name in names {
                guard let count = try await fleet.execute(name, "SELECT count(*) FROM t").rows.first?.first.flatMap({ $0 }).flatMap({ Int($0) }) else {
                    throw WorkLost("\(name) has no rows")
                }
                rows += count
            }
            guard (outcome.latencies.count...outcome.latencies.count + names.count).contains(rows) else {
                throw WorkLost("\(outcome.latencies.count) rows were acknowledged, \(rows) are there")
            }
            let inserts = Double(outcome.latencies.count) / seconds
            return [
                Measurement(
                    metric: "PUTs", value: puts / seconds, unit: "PUT/s", baseline: inserts, ratio: puts / seconds / inserts, target: .value(atMost: 4)),
                Measurement(metric: "lag, p99", value: Statistics.percentile(lags, 0.99), unit: "ms", target: .value(atMost: 500)),
                Measurement(metric: "INSERT, p99", value: Statistics.percentile(outcome.latencies, 0.99), unit: "ms"),
            ]
        }
    }

    private func puts(_ fleet: DevFleet) async throws -> Double {
        try await fleet.metric("berth_object_store_requests_total") { $0.contains("put") }
    }

    /// Of the databases that have something to ship, again and again.
    private func lags(_ fleet: DevFleet, for duration: Duration) async throws -> [Double] {
        let end = ContinuousClock.now + duration
        var lags: [Double] = []
        while ContinuousClock.now < end {
            lags += try await fleet.shipLags()
            try await Task.sleep(for: .milliseconds(100))
        }
        return lags
    }
}
