import BerthTestKit
import Door
import Testing

@testable import Gateway

/// A body far beyond the limit, from a client that reads only when it has sent all: it gets the answer, not a reset.
@Suite(.timeLimit(.minutes(1)))
struct RefusedBodyTests {
    private static let piece = String(repeating: "x", count: 64 << 10)

    @Test(arguments: [false, true])
    func theAnswerIsRead(inChunks: Bool) async throws {
        let header = inChunks ? "transfer-encoding: chunked" : "content-length: \(100 * Self.piece.utf8.count)"
        let piece = inChunks ? "10000\r\n\(Self.piece)\r\n" : Self.piece
        let limits = { (limits: inout GatewayLimits) in
            limits.bodyBytes = 32 << 10
            // Of the body in chunks, the end never comes.
            limits.door.refusedBody = .seconds(1)
        }
        try await withGateway(local: try FakeDatabases(leading: ["shop"]), limits: limits) { gateway in
            let text = try await StubbornClient.exchange(
                port: gateway.port, head: "POST /db/shop/v2/pipeline HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\n\(header)\r\n\r\n", piece: piece,
                times: 100)
            #expect(text.hasPrefix("HTTP/1.1 413 ") && text.contains("connection: close"))
            #expect(text.contains(#""code":"body_too_large""#))
        }
    }
}
