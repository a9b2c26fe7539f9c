import BerthTestKit
import Door
import FleetModel
import NIOCore
import NIOHTTP1
import Routing
import Testing

@testable import Gateway

/// What a request is told by its head alone, on the wire.
@Suite(.timeLimit(.minutes(1)))
struct AdmissionTests {
    private func head(_ fields: String, to database: String = "shop", token: String? = "good") -> String {
        let authorization = token.map { "authorization: Bearer \($0)\r\n" } ?? ""
        return "POST /db/\(database)/v2/pipeline HTTP/1.1\r\nhost: x\r\n\(authorization)\(fields)\r\n\r\n"
    }

    @Test(arguments: ["content-length: 15000000", "transfer-encoding: chunked", "content-length: 15000000\r\nexpect: 100-continue", "content-length: 5"])
    func strangersAreToldSoBeforeTheySendABody(_ fields: String) async throws {
        let local = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: local) { gateway in
            for token in [nil, "unheard-of"] {
                let connection = try await RawConnection(port: gateway.port)
                try await connection.send(head(fields, token: token))
                let text = await connection.receiveToEnd()
                #expect(text.hasPrefix("HTTP/1.1 401 ") && text.contains("connection: close"))
            }
            #expect(local.calls.isEmpty)
        }
    }

    @Test func whileATokenIsLookedUpNothingIsRead() async throws {
        let tokens = FakeTokens()
        tokens.hold()
        let local = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: local, tokens: tokens) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            let size = 15 << 20
            try await connection.send(head("content-length: \(size)\r\nexpect: 100-continue"))
            await eventually { tokens.looks == 1 }
            let body = String(repeating: "x", count: size)
            let sending = Task { try await connection.send(body) }
            #expect(connection.received.isEmpty)
            #expect(gateway.gauge("berth_door_body_bytes") == 0)
            tokens.letGo()
            try await sending.value
            let text = await connection.receive { $0.contains("HTTP/1.1 200 ") }
            #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "))
            #expect(local.calls.first?.body.count == size)
            await eventually { gateway.gauge("berth_door_body_bytes") == 0 }
            await connection.close()
        }
    }

    @Test func aDatabaseAboveItsShareIsToldSoAndOthersNoticeNothing() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let local = try FakeDatabases(leading: ["shop", "bank"]) { call throws(BerthError) in
            if call.body == Array("slow".utf8) { for await _ in released {} }
            return DataReply(body: call.body)
        }
        try await withGateway(local: local, limits: { $0.requestsPerDatabase = 2 }) { gateway in
            let slow = [try await RawConnection(port: gateway.port), try await RawConnection(port: gateway.port)]
            for connection in slow { try await connection.send(head("content-length: 4") + "slow") }
            await eventually { local.calls.count == 2 }

            let refused = try await gateway.send(body: "quick")
            #expect(refused.status == 429 && refused["code"] == "database_busy" && refused.headers.first(name: "retry-after") == "1")
            #expect(try await gateway.send(.POST, "/db/bank/v2/pipeline", body: "quick").status == 200)
            // A short one may be tried again on the same connection; a long one is not read.
            let short = try await RawConnection(port: gateway.port)
            try await short.send(head("content-length: 5") + "quick")
            #expect(await short.receive { $0.contains("database_busy") }.hasPrefix("HTTP/1.1 429 "))
            let long = try await RawConnection(port: gateway.port)
            try await long.send(head("content-length: 1000000"))
            #expect(await long.receiveToEnd().hasPrefix("HTTP/1.1 429 "))

            release.finish()
            for connection in slow { _ = await connection.receive { $0.hasSuffix("slow") } }
            try await short.send(head("content-length: 5") + "quick")
            #expect(await short.receive { $0.hasSuffix("quick") }.contains("HTTP/1.1 200 "))
            #expect(local.calls.count == 4)
            for connection in slow + [short] { await connection.close() }
        }
    }

    @Test func bodiesHoldSoManyBytesAndNoMore() async throws {
        let local = try FakeDatabases(leading: ["shop", "bank"])
        let limits = { (limits: inout GatewayLimits) in
            (limits.bodyBytes, limits.bodyBytesPerDatabase, limits.bodiesInFlight) = (1_000, 1_500, 2_000)
        }
        try await withGateway(local: local, limits: limits) { gateway in
            // Announced, and not sent.
            let first = try await RawConnection(port: gateway.port)
            try await first.send(head("content-length: 1000"))
            await eventually { gateway.gauge("berth_door_body_bytes") == 1_000 }
            let tenant = try await gateway.send(body: String(repeating: "x", count: 600))
            #expect(tenant.status == 429 && tenant["code"] == "database_busy")
            let second = try await RawConnection(port: gateway.port)
            try await second.send(head("content-length: 1000", to: "bank"))
            await eventually { gateway.gauge("berth_door_body_bytes") == 2_000 }
            let all = try await gateway.send(.POST, "/db/bank/v2/pipeline", body: "x")
            #expect(all.status == 503 && all["code"] == "node_busy" && all.headers.first(name: "retry-after") == "1")
            // In chunks, nobody knows before they come.
            let chunks = try await RawConnection(port: gateway.port)
            try await chunks.send(head("transfer-encoding: chunked"))
            try await chunks.send("1\r\nx\r\n")
            #expect(await chunks.receiveToEnd().contains(#""code":"node_busy""#))

            for connection in [first, second] { await connection.close() }
            await eventually { gateway.gauge("berth_door_body_bytes") == 0 }
            #expect(try await gateway.send(body: "x").status == 200)
            #expect(local.calls.count == 1)
        }
    }

    @Test func aRequestKeepsItsPlaceWhenItsClientLeaves() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let local = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            // Not to be hurried.
            await Task { for await _ in released {} }.value
            return DataReply(body: [])
        }
        try await withGateway(local: local) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(head("content-length: 4") + "slow")
            await eventually { local.calls.count == 1 }
            await connection.close()
            await eventually { gateway.gauge("berth_door_connections_open") == 0 }
            #expect(gateway.gauge("berth_door_body_bytes") == 4)
            release.finish()
            await eventually { gateway.gauge("berth_door_body_bytes") == 0 }
        }
    }

    @Test func nothingIsBegunAfterTheLastAnswer() async throws {
        let local = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: local) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(head("content-length: 4\r\nconnection: close") + "last" + head("content-length: 4") + "more")
            let text = await connection.receiveToEnd()
            #expect(text.hasSuffix("last"), "\(text)")
            #expect(local.calls.map(\.body) == [Array("last".utf8)])
        }
    }

    @Test func aRequestNamesOneHost() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"])) { gateway in
            for hosts in ["", "host: a\r\nhost: b\r\n"] {
                let connection = try await RawConnection(port: gateway.port)
                try await connection.send(
                    "POST /db/shop/v2/pipeline HTTP/1.1\r\n\(hosts)authorization: Bearer good\r\ncontent-length: 1\r\n\r\nx")
                let text = await connection.receiveToEnd()
                #expect(text.hasPrefix("HTTP/1.1 400 ") && text.contains(#""code":"malformed_request""#))
            }
        }
    }

    @Test func requestsInAdvanceAreBounded() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let local = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            for await _ in released {}
            return DataReply(body: call.body)
        }
        try await withGateway(local: local, limits: { $0.door.pipelinedRequests = 4 }) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(String(repeating: head("content-length: 1") + "x", count: 6))
            #expect(await connection.receiveToEnd().isEmpty)
            #expect(local.calls.count <= 1)
            release.finish()
        }
    }
}
