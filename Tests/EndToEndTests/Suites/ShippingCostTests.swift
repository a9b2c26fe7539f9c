import BerthTestKit
import Synchronization
import NIOHTTP1
import Testing

extension EndToEnd {
    /// What shipping costs does not grow with the number of databases.
    @Suite(.serialized, .fleet {
        $0.nodes = 1
        $0.shipInterval = .milliseconds(250)
    })
    struct ShippingCost {
        private static let many = 300
        private static let shipInterval: Duration = .milliseconds(250)

        /// What the node had counted at a moment.
        private struct Count {
            var at = ContinuousClock.now
            var bundles: Double
            var entries: Double
            var puts: Double
            /// To Postgres, of the node.
            var statements: Int
            /// Those among them that publish a bundle.
            var publications: Int

            init(_ fleet: TestFleet) async throws {
                let metrics = try PrometheusText(try await HTTP.send(.GET, try fleet.node("node-1").url + "/metrics").text)
                bundles = metrics.total("berth_ship_bundles_total") ?? 0
                entries = metrics.total("berth_ship_entries_total") ?? 0
                puts = metrics.families["berth_object_store_requests_total"]?.samples
                    .filter { $0.labels["operation"] == "put" }.reduce(0) { $0 + $1.value } ?? 0
                let logged = try await fleet.loggedStatements().filter { $0.application.hasPrefix("berth node-1") }
                statements = logged.count
                publications = logged.count { $0.sql.contains("insert into bundles") }
            }
        }

        /// Writes to `databases` in turn until `bundles` more were shipped, and says what that took.
        private func ship(_ bundles: Double, of databases: [DataClient], on fleet: TestFleet) async throws -> (Count, Count) {
            let writing = Task {
                await withTaskGroup(of: Void.self) { group in
                    for lane in 0..<min(4, databases.count) {
                        group.addTask {
                            var index = lane
                            while !Task.isCancelled {
                                _ = try? await databases[index % databases.count].execute("UPDATE t SET a = a + 1")
                                index += 4
                            }
                        }
                    }
                }
            }
            defer { writing.cancel() }
            let before = try await Count(fleet)
            let after = try await eventually("\(bundles) bundles are shipped", within: .seconds(60), every: .milliseconds(200)) {
                let now = try await Count(fleet)
                return now.bundles >= before.bundles + bundles && now.entries >= before.entries + Double(databases.count)
                    ? now : nil
            }
            return (before, after)
        }

        @Test func oneBundlePerIntervalHoweverManyDatabases() async throws {
            let fleet = try TestFleet.ofThisSuite(), admin = try fleet.admin()
            let names = (0..<Self.many).map { "many-\($0)" }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<8 {
                    group.addTask {
                        for name in names.enumerated().filter({ $0.offset % 8 == lane }).map(\.element) {
                            try await admin.createDatabase(name)
                            let client = try fleet.client(name)
                            try await client.execute("CREATE TABLE t (a)")
                            try await client.execute("INSERT INTO t VALUES (0)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let clients = try names.map { try fleet.client($0) }
            try await fleet.logStatements()
            let idle = try await background(fleet)
            for databases in [Array(clients.prefix(1)), clients] {
                let (before, after) = try await ship(12, of: databases, on: fleet)
                let seconds = (after.at - before.at) / .seconds(1)
                let bundles = after.bundles - before.bundles, entries = after.entries - before.entries
                let statements = Double(after.statements - before.statements)
                print(
                    "\(databases.count) databases: \(bundles) bundles with \(entries) entries in \(seconds) s, "
                        + "\(after.puts - before.puts) PUTs, \(statements) statements, of which "
                        + "\(after.publications - before.publications) publish; idle \(idle) statements per second")
                // One per interval, and one for the two ends of the time.
                #expect(bundles <= seconds / (Self.shipInterval / .seconds(1)) + 1)
                // What is counted is read after what it is counted for: one may be under way.
                #expect(abs(after.puts - before.puts - bundles) <= 1)
                #expect(abs(Double(after.publications - before.publications) - bundles) <= 1)
                #expect(entries >= bundles)
                #expect(entries >= Double(databases.count))
                // Beside the publishes only what an idle node asks as well: renewals and looks, nothing per database.
                #expect(statements - bundles <= idle * seconds * 1.5 + 10)
            }
        }

        /// Statements of the node per second while nobody writes.
        private func background(_ fleet: TestFleet) async throws -> Double {
            try await eventually("everything is shipped") {
                let metrics = try PrometheusText(try await HTTP.send(.GET, try fleet.node("node-1").url + "/metrics").text)
                return metrics.total("berth_ship_lag_seconds") == 0 ? () : nil
            }
            let before = try await Count(fleet)
            let after = try await eventually("five seconds have passed", every: .milliseconds(200)) { () -> Count? in
                let now = try await Count(fleet)
                return now.at - before.at > .seconds(5) ? now : nil
            }
            return Double(after.statements - before.statements) / ((after.at - before.at) / .seconds(1))
        }
    }
}
