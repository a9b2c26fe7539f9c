@testable import AdminAPI
import BerthTestKit
import Door
import FleetModel
import FleetStore
import Foundation
import HummingbirdTesting
import Testing

/// What the manager's listener puts up with, byte for byte.
@Suite(.timeLimit(.minutes(1)))
struct AdminDoorTests {
    private static func head(_ fleet: AdminFleet, token: Bool, _ fields: String) -> String {
        let authorization = token ? "authorization: Bearer \(fleet.secrets[.admin] ?? "-")\r\n" : ""
        return "POST /v1/databases HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\(authorization)\(fields)\r\n\r\n"
    }

    private static func open(_ fleet: AdminFleet) async throws -> RawConnection {
        try await RawConnection(port: try #require(fleet.client.port))
    }

    private static func limits(_ change: (inout DoorLimits) -> Void) -> DoorLimits {
        var limits = DoorLimits()
        change(&limits)
        return limits
    }

    @Test func strangersAreToldSoBeforeTheySendABody() async throws {
        try await AdminFleet.run(setup: .live) { fleet in
            for fields in ["content-length: 1000000", "transfer-encoding: chunked", "content-length: 5"] {
                let connection = try await Self.open(fleet)
                try await connection.send(Self.head(fleet, token: false, fields))
                let text = await connection.receiveToEnd()
                #expect(text.hasPrefix("HTTP/1.1 401 ") && text.contains("connection: close"), "\(text)")
            }
        }
    }

    @Test func halfOpenHeadsKeepNobodyOut() async throws {
        try await AdminFleet.run(setup: .live, door: Self.limits { $0.connections = 4 }) { fleet in
            var halfOpen: [RawConnection] = []
            for _ in 0..<10 {
                let connection = try await Self.open(fleet)
                try await connection.send("GET /v1/no")
                halfOpen.append(connection)
            }
            let good = try await Self.open(fleet)
            try await good.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(await good.receive { $0.contains("ok") }.hasPrefix("HTTP/1.1 200 "))
            #expect(halfOpen.filter(\.isClosed).count >= 5)
            for connection in halfOpen + [good] { await connection.close() }
        }
    }

    @Test func anAddressHasSoManyConnectionsAtWork() async throws {
        let limits = Self.limits { $0.connectionsPerAddress = 2 }
        try await AdminFleet.run(setup: .live, door: limits) { fleet in
            // Admitted, with a body that has not come: at work.
            var busy: [RawConnection] = []
            for _ in 0..<2 {
                let connection = try await Self.open(fleet)
                try await connection.send(Self.head(fleet, token: true, "content-length: 20"))
                busy.append(connection)
            }
            let text = try await eventually("the third is turned away") { () -> String? in
                // One whose head was not there yet has given way.
                for index in busy.indices where busy[index].isClosed {
                    busy[index] = try await Self.open(fleet)
                    try await busy[index].send(Self.head(fleet, token: true, "content-length: 20"))
                }
                let third = try await Self.open(fleet)
                try? await third.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
                let text = await third.receive { !$0.isEmpty }
                await third.close()
                return text.hasPrefix("HTTP/1.1 503 ") ? text : nil
            }
            #expect(text.hasPrefix("HTTP/1.1 503 ") && text.contains("node_busy"))
            for connection in busy { await connection.close() }
        }
    }

    @Test(arguments: ["GET /v1/no", ""]) func whatDoesNotEndIsEnded(_ beginning: String) async throws {
        let limits = Self.limits { ($0.head, $0.idle) = (.milliseconds(50), .milliseconds(100)) }
        try await AdminFleet.run(setup: .live, door: limits) { fleet in
            let connection = try await Self.open(fleet)
            if !beginning.isEmpty { try await connection.send(beginning) }
            #expect(await connection.receiveToEnd().isEmpty)
        }
    }

    @Test func aBodyThatDoesNotComeIsNotWaitedFor() async throws {
        let limits = Self.limits { $0.bodyWindow = .milliseconds(100) }
        try await AdminFleet.run(setup: .live, door: limits) { fleet in
            let connection = try await Self.open(fleet)
            try await connection.send(Self.head(fleet, token: true, "content-length: 20") + "{")
            let text = await connection.receiveToEnd()
            #expect(!text.hasPrefix("HTTP/1.1 2"))
        }
    }

    @Test func aRequestNamesOneHost() async throws {
        try await AdminFleet.run(setup: .live) { fleet in
            for hosts in ["", "host: a\r\nhost: b\r\n"] {
                let connection = try await Self.open(fleet)
                try await connection.send("GET /healthz HTTP/1.1\r\n\(hosts)\r\n")
                #expect(await connection.receiveToEnd().hasPrefix("HTTP/1.1 400 "))
            }
        }
    }
}
