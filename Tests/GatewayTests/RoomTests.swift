import BerthTestKit
import Door
import FleetModel
import NIOCore
import Routing
import Testing

@testable import Gateway

/// Connections that ask nothing, and clients that take nothing.
@Suite(.timeLimit(.minutes(1)))
struct RoomTests {
    private static let request = "POST /db/shop/v2/pipeline HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-length: 1\r\n\r\nx"

    @Test(arguments: [true, false]) func halfOpenHeadsKeepNobodyOut(perAddress: Bool) async throws {
        let limits = { (limits: inout GatewayLimits) in
            (limits.door.connections, limits.door.connectionsPerAddress) = perAddress ? (100, 8) : (8, 100)
            limits.door.head = .seconds(600)
        }
        try await withGateway(local: try FakeDatabases(leading: ["shop"]), limits: limits) { gateway in
            var halfOpen: [RawConnection] = []
            for index in 0..<12 {
                let connection = try await RawConnection(port: gateway.port)
                if index % 2 == 0 { try await connection.send("POST /db/shop") }
                halfOpen.append(connection)
            }
            for _ in 0..<3 {
                let good = try await RawConnection(port: gateway.port)
                try await good.send(Self.request)
                #expect(await good.receive { $0.hasSuffix("x") }.hasPrefix("HTTP/1.1 200 "))
                await good.close()
            }
            #expect(gateway.gauge("berth_door_connections_open") <= 8)
            await eventually { halfOpen.filter(\.isClosed).count >= 5 }
            for connection in halfOpen { await connection.close() }
        }
    }

    @Test func whenAllAreAtWorkTheNextIsToldSo() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let local = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            for await _ in released {}
            return DataReply(body: call.body)
        }
        try await withGateway(local: local, limits: { $0.door.connections = 2 }) { gateway in
            let busy = [try await RawConnection(port: gateway.port), try await RawConnection(port: gateway.port)]
            for connection in busy { try await connection.send(Self.request) }
            await eventually { local.calls.count == 2 }
            let text = await (try await RawConnection(port: gateway.port)).receiveToEnd()
            #expect(text.hasPrefix("HTTP/1.1 503 ") && text.contains(#""code":"node_busy""#) && text.contains("retry-after: 1"))
            release.finish()
            for connection in busy { #expect(await connection.receive { $0.hasSuffix("x") }.hasPrefix("HTTP/1.1 200 ")) }
            // One that was let in with its token just now is spared: a request may be on its way.
            #expect(await (try await RawConnection(port: gateway.port)).receiveToEnd().hasPrefix("HTTP/1.1 503 "))
            for connection in busy { await connection.close() }
        }
    }

    @Test func halfAHeadIsGivenItsTime() async throws {
        try await withGateway(local: try FakeDatabases(leading: ["shop"]), limits: { $0.door.head = .milliseconds(50) }) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send("POST /db/shop")
            #expect(await connection.receiveToEnd().isEmpty)
        }
    }

    @Test func answersNobodyTakesAreBounded() async throws {
        let local = try FakeDatabases(leading: ["shop"]) { _ throws(BerthError) in DataReply(body: [UInt8](repeating: 120, count: 7 << 20)) }
        try await withGateway(local: local, limits: { $0.door.answerBytes = 16 << 20 }) { gateway in
            var slow: [RawConnection] = []
            for _ in 0..<20 {
                let connection = try await RawConnection(port: gateway.port, reads: false)
                try await connection.send(Self.request)
                slow.append(connection)
            }
            await eventually { local.calls.count == 20 }
            // Most of them are gone: there is room for two or three.
            await eventually { gateway.gauge("berth_door_connections_open") <= 4 }
            #expect(gateway.gauge("berth_door_answer_bytes") <= Double(16 << 20))
            let good = try await RawConnection(port: gateway.port)
            try await good.send(Self.request)
            #expect(await good.receive { $0.utf8.count > 7 << 20 }.hasPrefix("HTTP/1.1 200 "))
            for connection in slow + [good] { await connection.close() }
            await eventually { gateway.gauge("berth_door_answer_bytes") == 0 }
        }
    }

    @Test func aClientThatTakesNothingIsCutOff() async throws {
        let local = try FakeDatabases(leading: ["shop"]) { _ throws(BerthError) in DataReply(body: [UInt8](repeating: 120, count: 16 << 20)) }
        try await withGateway(local: local, limits: { $0.door.answerWindow = .milliseconds(100) }) { gateway in
            let connection = try await RawConnection(port: gateway.port, reads: false)
            try await connection.send(Self.request)
            await eventually { local.calls.count == 1 }
            await eventually { gateway.gauge("berth_door_connections_open") == 0 }
            #expect(gateway.gauge("berth_door_answer_bytes") == 0)
            await connection.close()
        }
    }
}
