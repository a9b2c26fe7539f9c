import FleetModel

/// What a database costs that nobody uses.
struct IdleBenchmark: Benchmark {
    let name = "idle"
    let explanation = """
        10,000 databases (times --scale) on one node of `berth dev`, created, written to once, and left alone.

        Memory is what is resident of the node's worker and its engine hosts without files that are mapped, less what it was of an
        empty node, divided by the number of databases; descriptors likewise. First all are open that may be, then all were closed as idle: they are
        written to with an idle time of ten minutes, then the fleet is started again with one of two seconds and each is read once more.
          open          after the writes, of those that are open: where the limit of descriptors is low, not all can be.
          read          when each was read once as well, and the connections for that are closed.
          closed        once the node has no database open.
          processor     of worker and hosts over ten seconds while all are closed.
          requests      to the bucket in that time.

        Checked: every write is acknowledged, and read when the fleet was started again.
        """

    func run(_ context: BenchmarkContext) async throws -> [Measurement] {
        let names = (0..<context.scaled(10_000, minimum: 20)).map { "idle-\($0)" }
        var results: [Measurement] = []
        let count = Double(names.count)
        let empty = try await DevFleet.with(context.workplace, named: "idle", settings: ["idle-timeout-ms": "600000"]) { fleet in
            let before = try Cost(fleet)
            try await fleet.create(names)
            try await send(fleet, names, "CREATE TABLE t (a)", "creating tables")
            try await send(fleet, names, "INSERT INTO t VALUES (1)", "writing")
            try await settle("everything is shipped") { try await fleet.shipLags().isEmpty }
            let open = try Cost(fleet), opened = try await fleet.metric("berth_databases_open")
            try await send(fleet, names, "SELECT a FROM t", "reading")
            // As the node counts: four of a database, and the main file once more, which SQLite keeps for the next connection.
            try await settle("connections that read are closed") { try await fleet.metric("berth_database_descriptors") <= 5 * fleet.metric("berth_databases_open") }
            let read = try Cost(fleet), openAfterReading = try await fleet.metric("berth_databases_open")
            results.append(Measurement(metric: "memory of an open database", value: open.kilobytes(since: before) / opened, unit: "KB", target: .value(atMost: 100)))
            results.append(Measurement(metric: "descriptors of an open database", value: open.descriptors(since: before) / opened, unit: "descriptors", target: .value(atMost: 3)))
            results.append(Measurement(metric: "memory of an open database that was read", value: read.kilobytes(since: before) / openAfterReading, unit: "KB", target: .value(atMost: 100)))
            results.append(Measurement(metric: "descriptors of an open database that was read", value: read.descriptors(since: before) / openAfterReading, unit: "descriptors", target: .value(atMost: 4)))
            return before
        }
        try await DevFleet.with(context.workplace, named: "idle", settings: ["idle-timeout-ms": "2000"]) { fleet in
            try await settle("the node leads them") { try await fleet.metric("berth_leases_held") >= count }
            try await send(fleet, names, "SELECT a FROM t", "reading")
            try await settle("they are closed") { try await fleet.metric("berth_databases_open") == 0 }
            let closed = try Cost(fleet)
            let requests = try await fleet.metric("berth_object_store_requests_total")
            try await Task.sleep(for: .seconds(10))
            let later = try Cost(fleet)
            results.append(Measurement(metric: "memory of a closed database", value: closed.kilobytes(since: empty) / count, unit: "KB", target: .value(atMost: 8)))
            results.append(Measurement(metric: "descriptors of a closed database", value: closed.descriptors(since: empty) / count, unit: "descriptors", target: .value(atMost: 0)))
            results.append(Measurement(metric: "processor while all are closed", value: (later.processor - closed.processor).inSeconds / 10 * 100, unit: "%", target: .value(atMost: 1)))
            results.append(
                Measurement(
                    metric: "requests to the bucket in ten seconds", value: try await fleet.metric("berth_object_store_requests_total") - requests,
                    unit: "requests", target: .value(atMost: 0)))
        }
        return results
    }

    private func send(_ fleet: DevFleet, _ names: [String], _ sql: String, _ what: String) async throws {
        let requests = names.map { fleet.request($0, sql) }
        let outcome = try await HTTPLoad(port: fleet.gateway, connections: 8, keepsLast: true).run(requests: names.count) { requests[$0] }
        try outcome.expectAll(of: names.count, [200], what)
        _ = try PipelineAnswer(outcome.lastBody)
    }

    private func settle(_ what: String, until isTrue: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while try await !isTrue() {
            guard ContinuousClock.now < deadline else { throw WorkLost("after two minutes it is still not so that \(what)") }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private struct Cost {
        var bytes: Int
        var descriptors: Int
        var processor: Duration

        init(_ fleet: DevFleet) throws {
            let processes = try fleet.nodeProcesses()
            bytes = processes.reduce(0) { $0 + $1.anonymousBytes }
            descriptors = processes.reduce(0) { $0 + $1.descriptors }
            processor = processes.reduce(.zero) { $0 + $1.processorTime }
        }

        func kilobytes(since other: Cost) -> Double { Double(bytes - other.bytes) / 1_024 }
        func descriptors(since other: Cost) -> Double { Double(descriptors - other.descriptors) }
    }
}
