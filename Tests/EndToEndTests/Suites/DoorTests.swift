import BerthTestKit
import Foundation
import NIOCore
import NIOHTTP1
import Testing

extension EndToEnd {
    /// Strangers, and clients that are slow on purpose, at a real node: it stays small and answers others.
    @Suite(.serialized, .fleet {
        $0.nodes = 1
        $0.settings = ["connections": 256, "answer-bytes-in-flight": 16 << 20]
    }) struct AtTheDoor {
        private struct Node {
            let name: String
            let port: Int
            let pid: Int32

            /// Bytes of its worker that are in memory.
            func memory() throws -> Int {
                let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
                let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
                return try #require(Int(line.filter(\.isNumber))) << 10
            }
        }

        private func node(of fleet: TestFleet) async throws -> Node {
            let node = try #require(try fleet.description().nodes.first)
            return Node(
                name: node.name, port: try #require(URL(string: node.url)?.port), pid: try await fleet.worker(of: node.name))
        }

        private func metric(_ name: String, of fleet: TestFleet) async throws -> Double {
            let node = try #require(try fleet.description().nodes.first)
            return try #require(try PrometheusText(try await HTTP.send(.GET, node.url + "/metrics").text).total(name))
        }

        @Test func bodiesOfStrangersAreNotKept() async throws {
            let fleet = try TestFleet.ofThisSuite(), node = try await node(of: fleet), admin = try fleet.admin()
            try await admin.createDatabase("shop")
            try await fleet.client("shop").execute("CREATE TABLE t (a)")
            let before = try node.memory()
            let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
            var clients: [StubbornClient] = []
            for index in 0..<120 {
                let token = index % 2 == 0 ? "" : "authorization: Bearer berth_guess\r\n"
                // They do not read, so they do not notice that they are not wanted.
                clients.append(
                    try await StubbornClient.sending(
                        port: node.port,
                        head: "POST /db/shop/v2/pipeline HTTP/1.1\r\nhost: x\r\n\(token)content-length: \(16 << 20)\r\n\r\n",
                        piece: piece, times: 15))
            }
            let grown = try node.memory() - before
            #expect(grown < 128 << 20, "\(grown >> 20) MiB")
            #expect(try await metric("berth_door_body_bytes", of: fleet) == 0)
            try await fleet.client("shop").execute("INSERT INTO t VALUES (1)")
            withExtendedLifetime(clients) {}
        }

        @Test func halfOpenHeadsKeepNobodyOut() async throws {
            let fleet = try TestFleet.ofThisSuite(), node = try await node(of: fleet), admin = try fleet.admin()
            try await admin.createDatabase("bank")
            var connections: [RawConnection] = []
            for _ in 0..<300 {
                let connection = try await RawConnection(port: node.port)
                try await connection.send("POST /db/bank/v2/pipeline HT")
                connections.append(connection)
            }
            try await fleet.client("bank").execute("CREATE TABLE t (a)")
            #expect(try await metric("berth_door_connections_open", of: fleet) <= 256)
            for connection in connections { await connection.close() }
        }

        @Test func answersThatNobodyTakesAreBounded() async throws {
            let fleet = try TestFleet.ofThisSuite(), node = try await node(of: fleet), admin = try fleet.admin()
            try await admin.createDatabase("mill")
            let client = try fleet.client("mill")
            try await client.execute("CREATE TABLE t (a)")
            let token = try #require(client.token)
            let body = #"{"requests":[{"type":"execute","stmt":{"sql":"select hex(zeroblob(3500000))"}}]}"#
            let before = try node.memory()
            var connections: [RawConnection] = []
            for _ in 0..<100 {
                let connection = try await RawConnection(port: node.port, reads: false)
                try await connection.send(
                    "POST /db/mill/v2/pipeline HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
                connections.append(connection)
            }
            // Those that kept their answers waiting longest are gone.
            try await eventually("most are cut off", within: .seconds(90)) {
                try await metric("berth_door_connections_open", of: fleet) < 10 ? () : nil
            }
            #expect(try await metric("berth_door_answer_bytes", of: fleet) <= Double(16 << 20))
            // All of them would be 700. Several are on their way to the door at a time, and the C library keeps what it had for them.
            let grown = try node.memory() - before
            #expect(grown < 400 << 20, "\(grown >> 20) MiB")
            try await client.execute("INSERT INTO t VALUES (1)")
            for connection in connections { await connection.close() }
        }
    }
}
