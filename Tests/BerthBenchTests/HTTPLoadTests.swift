import Testing

@testable import berth_bench

/// The client of the benchmarks, against the server that does nothing else than answer.
@Suite(.timeLimit(.minutes(1))) struct HTTPLoadTests {
    private func withServer(_ body: (Int) async throws -> Void) async throws {
        let server = try await BareServer(answering: Array(#"{"it":"works"}"#.utf8), headers: [("content-type", "application/json")])
        do { try await body(server.port) } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }

    @Test(arguments: [1, 7]) func eachRequestIsSentOnceAndAnswered(connections: Int) async throws {
        try await withServer { port in
            let outcome = try await HTTPLoad(port: port, connections: connections, keepsLast: true).run(requests: 100) { number in
                HTTPMessage.post("/\(number)", token: "t", [UInt8](repeating: 0, count: number * 100))
            }
            try outcome.expectAll(of: 100, [200], "asking")
            #expect(outcome.latencies.count == 100 && outcome.failures() == 0)
            #expect(String(decoding: outcome.lastBody, as: UTF8.self) == #"{"it":"works"}"#)
        }
    }

    @Test func aPhaseEndsByItselfAndCountsWhatWasAnswered() async throws {
        try await withServer { port in
            let outcome = try await HTTPLoad(port: port, connections: 3, pause: .milliseconds(1)).run(for: .milliseconds(50)) { _, _ in
                HTTPMessage.get("/", token: "t")
            }
            #expect(outcome.statuses.keys.allSatisfy { $0 == 200 })
            #expect(outcome.statuses[200, default: 0] == outcome.latencies.count)
        }
    }

    @Test func whatIsNotAnsweredIsWorkLost() async throws {
        try await withServer { port in
            let outcome = try await HTTPLoad(port: port, connections: 1).run(requests: 1) { _ in Array("this is no HTTP\r\n\r\n".utf8) }
            #expect(throws: WorkLost.self) { try outcome.expectAll(of: 1, [200], "asking") }
        }
    }
}
