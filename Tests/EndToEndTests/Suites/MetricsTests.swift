import BerthTestKit
import Foundation
import NIOHTTP1
import Testing

extension EndToEnd.OneFleet {
    @Suite struct Metrics {
        /// By process: what a dashboard or an alert rests on.
        private static let ofManager = [
            "berth_manager_leading", "berth_nodes_live", "berth_failovers_total", "berth_sessions_ended_total",
            "berth_operations_total", "berth_admin_requests_total", "berth_admin_request_seconds", "berth_door_connections_open",
        ]
        private static let ofNode = [
            "berth_leases_held", "berth_leases_acquired_total", "berth_leases_lost_total", "berth_lease_gate_open",
            "berth_session_renewal_age_seconds",
            "berth_databases_open", "berth_database_openings_total", "berth_database_open_seconds", "berth_ship_lag_seconds",
            "berth_ship_bundles_total", "berth_ship_entries_total", "berth_ship_bytes_total", "berth_ship_publish_seconds",
            "berth_statements_total", "berth_handovers_total", "berth_handover_pause_seconds", "berth_restores_total",
            "berth_reconcile_age_seconds", "berth_requests_total", "berth_request_seconds", "berth_gateway_waiting",
            "berth_gateway_forwards_total", "berth_door_connections_open", "berth_door_connections_refused_total",
            "berth_door_connections_ended_total", "berth_door_requests_refused_total", "berth_door_body_bytes", "berth_door_answer_bytes",
            "berth_object_store_requests_total", "berth_object_store_request_seconds",
        ]

        private func page(_ url: String) async throws -> (text: String, metrics: PrometheusText) {
            let reply = try await HTTP.send(.GET, url + "/metrics")
            #expect(reply.status == 200)
            #expect(reply.headers.first(name: "content-type")?.hasPrefix("text/plain; version=0.0.4") == true)
            return (reply.text, try PrometheusText(reply.text))
        }

        private func expectNothingToSay(byPromtool text: String) async throws {
            guard let promtool = Self.promtool else { return }
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
            #expect(FileManager.default.createFile(atPath: directory, contents: Data(text.utf8)))
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let run = try await ProgramRun.of(["/bin/sh", "-c", "\"$0\" check metrics < \"$1\"", promtool, directory])
            #expect(run.exitCode == 0, "\(run)")
        }

        private static let promtool = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { "\($0)/promtool" }.first { FileManager.default.isExecutableFile(atPath: $0) }

        @Test func everyProcessSaysWhatItMeasures() async throws {
            let fleet = try TestFleet.ofThisSuite(), description = try fleet.description(), admin = try fleet.admin()
            try await admin.createDatabase("measured", durability: "bucket")
            for (index, node) in description.nodes.enumerated() {
                let moved = try await fleet.berth("db", "move", "measured", "--to", node.name)
                #expect(moved.exitCode == 0, "\(moved)")
                // Everyone leads it and writes once, and passes requests on, too.
                try await fleet.client("measured", through: node.name).execute("CREATE TABLE t\(index) (a)")
                let other = description.nodes[(index + 1) % description.nodes.count].name
                _ = try? await fleet.client("measured", through: other).execute("SELEC")
            }

            let manager = try await page(description.manager)
            for name in Self.ofManager { #expect(manager.metrics.families[name] != nil, "the manager lacks \(name)") }
            #expect(manager.metrics.total("berth_manager_leading") == 1)
            #expect(manager.metrics.total("berth_nodes_live") == 3)
            #expect(manager.metrics.total("berth_operations_total") ?? 0 >= 1)
            try await expectNothingToSay(byPromtool: manager.text)

            var led = 0.0
            for node in description.nodes {
                let page = try await page(node.url)
                let lacking = Self.ofNode.filter { page.metrics.families[$0] == nil }
                #expect(lacking == [], "\(node.name) lacks some")
                #expect(page.metrics.total("berth_lease_gate_open") == 1)
                led += page.metrics.total("berth_leases_held") ?? 0
                // Never a series per database.
                #expect(!page.text.contains("measured"))
                try await expectNothingToSay(byPromtool: page.text)
            }
            #expect(led == Double(try await admin.databaseNames().count))
        }

        @Test func everyProcessIsHealthyAndReady() async throws {
            let description = try TestFleet.ofThisSuite().description()
            for url in [description.manager] + description.nodes.map(\.url) {
                for path in ["/healthz", "/readyz"] {
                    #expect(try await HTTP.send(.GET, url + path).status == 200)
                }
            }
        }
    }
}
