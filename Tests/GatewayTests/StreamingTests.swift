import BerthTestKit
import Door
import FleetModel
import Foundation
import Hrana
import Routing
import Testing

@testable import Gateway

/// Answers that are made while they are sent: by this process, and by the node behind it.
@Suite(.timeLimit(.minutes(1)))
struct StreamingTests {
    /// How many gateways stand between the client and the maker.
    enum Way: CaseIterable, Sendable { case direct, forwarded }

    private func with(
        _ way: Way, _ rest: any ReplyStream, limits change: @escaping (inout GatewayLimits) -> Void = { _ in },
        _ body: (TestGateway) async throws -> Void
    ) async throws {
        let leader = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            call.route == .cursor
                ? DataReply(contentType: "application/x-ndjson", body: Array("first\n".utf8), rest: rest) : DataReply(body: call.body)
        }
        try await withGateway(local: leader, limits: change) { maker in
            guard way == .forwarded else { return try await body(maker) }
            let source = FakeRoutes()
            try source.set("shop", epoch: 1, port: maker.port)
            try await withGateway(source: source, limits: change, body)
        }
    }

    private static func request(_ path: String = "cursor", version: String = "1.1", body: String = "{}") -> String {
        "POST /db/shop/v3/\(path) HTTP/\(version)\r\nhost: h\r\nauthorization: Bearer good\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test(arguments: Way.allCases) func piecesArriveAsTheyAreMade(_ way: Way) async throws {
        let rest = ScriptedStream()
        try await with(way, rest) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(Self.request())
            let beginning = await connection.receive { $0.contains("first\n") }
            #expect(beginning.contains("transfer-encoding: chunked"))
            for number in 0..<5 {
                rest.give("piece \(number)\n")
                _ = await connection.receive { $0.contains("piece \(number)\n") }
            }
            #expect(!connection.received.contains("\r\n0\r\n\r\n"))
            rest.end()
            _ = await connection.receive { $0.contains("\r\n0\r\n\r\n") }
            // The connection is good for the next request.
            try await connection.send(Self.request("pipeline", body: "again"))
            let both = await connection.receive { $0.hasSuffix("again") }
            #expect(both.components(separatedBy: "HTTP/1.1 200").count == 3)
            #expect(!rest.isCancelled)
            await connection.close()
        }
    }

    @Test(arguments: Way.allCases) func oneThatCannotGoOnDoesNotLookWhole(_ way: Way) async throws {
        let rest = ScriptedStream()
        try await with(way, rest) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(Self.request())
            rest.give("piece")
            _ = await connection.receive { $0.contains("piece") }
            rest.fail()
            let all = await connection.receiveToEnd()
            #expect(connection.isClosed && !all.contains("\r\n0\r\n"))
            // Nobody else is told: the status was sent long before. What a node behind did is not known.
            #expect(gateway.warnings == [way == .direct ? ScriptedStream.failure.code.rawValue : "outcome_unknown"])
        }
    }

    @Test(arguments: Way.allCases) func aClientThatLeavesEndsIt(_ way: Way) async throws {
        let rest = ScriptedStream()
        try await with(way, rest) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(Self.request())
            _ = await connection.receive { $0.contains("first") }
            await connection.close()
            await eventually { rest.isCancelled }
            #expect(rest.isCancelled)
        }
    }

    /// What the kernels of both ends and the gateways hold between them is some megabytes: a maker that ran ahead of its reader
    /// would have made thousands of pieces by then.
    @Test(arguments: Way.allCases) func aClientThatDoesNotReadStopsTheMaker(_ way: Way) async throws {
        let rest = EndlessStream()
        try await with(way, rest, limits: { $0.door.answerWindow = .seconds(2) }) { gateway in
            let connection = try await RawConnection(port: gateway.port, reads: false)
            try await connection.send(Self.request())
            // Nothing moves any more, so the gateway takes the client for gone.
            await eventually { rest.isCancelled }
            #expect(rest.isCancelled && rest.made < 1000)
            await connection.close()
        }
    }

    @Test func withoutChunksTheEndOfTheConnectionIsTheEnd() async throws {
        let rest = ScriptedStream()
        try await with(.direct, rest) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(Self.request(version: "1.0"))
            rest.give("second\n")
            rest.end()
            let all = await connection.receiveToEnd()
            #expect(all.hasPrefix("HTTP/1.0 200") && all.hasSuffix("\r\n\r\nfirst\nsecond\n") && !all.contains("chunked"))
        }
    }

    @Test func aPeerThatFallsSilentInTheMiddleIsGivenUp() async throws {
        let rest = ScriptedStream()
        try await with(.forwarded, rest, limits: { $0.reply = .seconds(1) }) { gateway in
            let connection = try await RawConnection(port: gateway.port)
            try await connection.send(Self.request())
            _ = await connection.receive { $0.contains("first") }
            _ = await connection.receiveToEnd()
            #expect(connection.isClosed)
            await eventually { rest.isCancelled }
        }
    }
}
