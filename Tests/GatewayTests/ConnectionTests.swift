import BerthTestKit
import Door
import FleetModel
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Routing
import Testing

@testable import Gateway

/// HTTP/1.1 itself, byte for byte.
@Suite(.timeLimit(.minutes(1)))
struct ConnectionTests {
    private func post(_ body: String, extra: String = "", version: String = "1.1") -> String {
        "POST /db/shop/v2/pipeline HTTP/\(version)\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-length: \(body.utf8.count)\r\n\(extra)\r\n\(body)"
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let local = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            if call.body == Array("slow".utf8) { for await _ in released {} }
            return DataReply(body: Array("<".utf8) + call.body + Array(">".utf8))
        }
        try await withGateway(local: local) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(post("slow") + post("second") + post("third"))
            await eventually { local.calls.count == 1 }
            release.finish()
            let text = await connection.receive { $0.contains("<third>") }
            let order = ["<slow>", "<second>", "<third>"].compactMap { text.range(of: $0)?.lowerBound }
            #expect(order.count == 3 && order == order.sorted())
            #expect(!connection.isClosed)
            await connection.close()
        }
    }

    @Test func manyRequestsUseOneConnection() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"])) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            for index in 0..<50 {
                try await connection.send(post("n\(index)"))
                _ = await connection.receive { $0.hasSuffix("n\(index)") }
            }
            #expect(!connection.isClosed)
            await connection.close()
        }
    }

    @Test func whatIsNotHTTPIsRefusedAndClosed() async throws {
        for garbage in ["garbage\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"] {
            try await withGateway(local: try FakeDatabases(leading: ["shop"])) { gateway in
                let connection = try await RawConnection(port: gateway.port)
                try await connection.send(garbage)
                let text = await connection.receiveToEnd()
                #expect(text.hasPrefix("HTTP/1.1 400 ") && text.contains(#""code":"malformed_request""#))
                #expect(text.contains("connection: close"))
            }
        }
    }

    @Test func garbageAfterARequestDoesNotSpoilItsAnswer() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"])) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(post("fine") + "garbage\r\n\r\n")
            let text = await connection.receiveToEnd()
            #expect(text.hasPrefix("HTTP/1.1 200 ") && text.contains("fineHTTP/1.1 400 "))
        }
    }

    @Test func headersAreBounded() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"]), limits: { $0.door.headBytes = 1024 }) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(post("x", extra: "x-long: \(String(repeating: "a", count: 2000))\r\n"))
            #expect(await connection.receiveToEnd().hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func aBodyThatIsTooLargeIsRefused() async throws {
        let local = try FakeDatabases(leading: ["shop"])
        let limits = { (limits: inout GatewayLimits) in
            limits.bodyBytes = 100
            limits.door.refusedBody = .milliseconds(200)
        }
        try await withGateway(local: local, limits: limits) { gateway in
            let announced = try await RawConnection(port: gateway.port)
            try await announced.send(post(String(repeating: "x", count: 101)))
            let text = await announced.receiveToEnd()
            #expect(text.hasPrefix("HTTP/1.1 413 ") && text.contains(#""code":"body_too_large""#))

            let chunked = try await RawConnection(port: gateway.port)
            try await chunked.send("POST /db/shop/v2/pipeline HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ntransfer-encoding: chunked\r\n\r\n")
            try await chunked.send("40\r\n\(String(repeating: "x", count: 64))\r\n40\r\n\(String(repeating: "x", count: 64))\r\n0\r\n\r\n")
            #expect(await chunked.receiveToEnd().hasPrefix("HTTP/1.1 413 "))

            // A client that does not end its body is cut off.
            let endless = try await RawConnection(port: gateway.port)
            try await endless.send("POST /db/shop/v2/pipeline HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-length: 1000000\r\n\r\n")
            // Refused at its head: whether more can be sent depends on who is faster.
            try? await endless.send(String(repeating: "x", count: 500))
            #expect(await endless.receiveToEnd().hasPrefix("HTTP/1.1 413 "))

            #expect(local.calls.isEmpty)
            #expect(try await gateway.send(body: String(repeating: "x", count: 100)).status == 200)
        }
    }

    @Test func aClientThatWaitsForLeaveGetsIt() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"]), limits: { $0.bodyBytes = 100 }) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            let (head, body) = (post("hello", extra: "expect: 100-continue\r\n").dropLast(5), "hello")
            try await connection.send(String(head))
            #expect(await connection.receive { $0.hasSuffix("\r\n\r\n") } == "HTTP/1.1 100 Continue\r\n\r\n")
            try await connection.send(body)
            #expect(await connection.receive { $0.hasSuffix("hello") }.contains("HTTP/1.1 200 OK"))
            await connection.close()

            let refused = try await RawConnection(port: gateway.port)
            try await refused.send("POST /db/shop/v2/pipeline HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\nexpect: 100-continue\r\ncontent-length: 101\r\n\r\n")
            #expect(await refused.receive { $0.contains("body_too_large") }.hasPrefix("HTTP/1.1 413 "))
            await refused.close()
        }
    }

    @Test func connectionsEndWhenTheClientSaysSo() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"])) { gateway in
            for request in [post("a", extra: "connection: close\r\n"), post("a", version: "1.0")] {
                let connection = try await RawConnection(port: gateway.port)
                try await connection.send(request)
                let text = await connection.receiveToEnd()
                #expect(text.hasPrefix("HTTP/1.1 200 ") && text.contains("connection: close") && text.hasSuffix("a"))
            }
            let kept = try await RawConnection(port: gateway.port)
            try await kept.send(post("a", extra: "connection: keep-alive\r\n", version: "1.0"))
            #expect(await kept.receive { $0.hasSuffix("a") }.contains("connection: keep-alive"))
            try await kept.send(post("b", version: "1.0"))
            #expect(await kept.receiveToEnd().hasSuffix("b"))

            // An upgrade that is not granted is answered, and nothing after it is lost silently.
            let upgrade = try await RawConnection(port: gateway.port)
            try await upgrade.send(post("a", extra: "connection: upgrade\r\nupgrade: h2c\r\n"))
            #expect(await upgrade.receiveToEnd().hasSuffix("a"))
        }
    }

    @Test func idleConnectionsAreClosed() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"]), limits: { $0.door.idle = .milliseconds(20) }) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            #expect(await connection.receiveToEnd().isEmpty)
        }
    }

    @Test func shuttingDownFinishesWhatIsAtWork() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let local = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            for await _ in released {}
            return DataReply(body: call.body)
        }
        try await withGateway(local: local) { gateway in
            let (busy, idle) = (try await RawConnection(port: gateway.port), try await RawConnection(port: gateway.port))
            try await busy.send(post("work"))
            await eventually { local.calls.count == 1 }
            let closing = Task { await gateway.gateway.shutDown() }
            #expect(await idle.receiveToEnd().isEmpty)
            await #expect(throws: (any Error).self) { _ = try await RawConnection(port: gateway.port) }
            #expect(!busy.isClosed)
            release.finish()
            let text = await busy.receiveToEnd()
            #expect(text.hasPrefix("HTTP/1.1 200 ") && text.hasSuffix("work") && text.contains("connection: close"))
            await closing.value
        }
    }

    @Test func shuttingDownDoesNotWaitForEver() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let local = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            for await _ in released {}
            return DataReply(body: call.body)
        }
        try await withGateway(local: local, limits: { $0.shutdownGrace = .milliseconds(50) }) { gateway in
            let busy = try await RawConnection(port: gateway.port)
            try await busy.send(post("work"))
            await eventually { local.calls.count == 1 }
            await gateway.gateway.shutDown()
            #expect(await busy.receiveToEnd().isEmpty)
            release.finish()
        }
    }

    @Test func aPortInUseIsSaidSo() async throws {
        try await withGateway { gateway in
            let second = Gateway(
                configuration: GatewayConfiguration(port: gateway.port), routes: gateway.routes, tokens: gateway.tokens,
                clock: BootClock(), logger: .init(label: "test"))
            await #expect(throws: BerthError.self) { try await second.start() }
        }
    }
}
