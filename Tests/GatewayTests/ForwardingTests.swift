import FleetModel
import FleetStore
import Hrana
import NIOHTTP1
import Routing
import Synchronization
import Testing

@testable import Gateway

/// Two and three gateways on one machine: who is asked, and what is tried again.
@Suite(.timeLimit(.minutes(1)))
struct ForwardingTests {
    @Test func aCallTravelsToTheLeader() async throws {
        let leader = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            DataReply(status: 400, contentType: "application/x-test", body: Array("told ".utf8) + call.body)
        }
        try await withGateway(local: leader) { other in
            let source = FakeRoutes()
            try source.set("shop", epoch: 1, port: other.port)
            try await withGateway(local: try FakeDatabases(), source: source) { gateway in
                let answer = try await gateway.send(
                    .POST, "/v1/batch", body: "hello", headers: [("x-namespace", "shop"), ("x-request-id", "r-1")])
                #expect(answer.status == 400 && answer.text == "told hello")
                #expect(answer.headers.first(name: "content-type") == "application/x-test")
                let call = try #require(leader.calls.first)
                #expect(call.route == .v1Batch && call.database.description == "shop" && call.requestID == "r-1")
                for _ in 0..<20 { _ = try await gateway.send() }
                #expect(leader.calls.count == 21 && source.looks == 1)
            }
        }
    }

    /// Of all routes only loading has a query, and the leader must see the one that was sent.
    @Test func theQueryOfALoadTravelsAlong() async throws {
        let leader = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: leader) { other in
            let source = FakeRoutes()
            try source.set("shop", epoch: 1, port: other.port)
            try await withGateway(source: source) { gateway in
                let load = try await gateway.send(.POST, "/db/shop/v1/load?table=a%20b&columns=x,y", body: "1,2")
                #expect(load.status == 200 && load.text == "1,2")
                _ = try await gateway.send(.POST, "/db/shop/v1/batch?table=t", body: "{}")
                #expect(leader.calls.map(\.query) == ["table=a%20b&columns=x,y", nil])
            }
        }
    }

    @Test func repliesWithRetryAfterAndChallengesArePassedOn() async throws {
        let leader = try FakeDatabases(leading: ["shop"]) { _ throws(BerthError) in
            throw BerthError(.tooManyRequests, "Slow down.", retryAfter: 7)
        }
        try await withGateway(local: leader) { other in
            let source = FakeRoutes()
            try source.set("shop", epoch: 1, port: other.port)
            try await withGateway(source: source) { gateway in
                let answer = try await gateway.send()
                #expect(answer.status == 429 && answer["code"] == "too_many_requests")
                #expect(answer.headers.first(name: "retry-after") == "7")
                #expect(leader.calls.count == 1)
            }
        }
    }

    @Test func aForwardedCallIsNeverForwardedAgain() async throws {
        let elsewhere = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: elsewhere) { third in
            let source = FakeRoutes()
            try source.set("shop", epoch: 4, node: "node-3", port: third.port)
            try await withGateway(local: try FakeDatabases(), source: source) { gateway in
                // Fills its route table.
                #expect(try await gateway.send().status == 200)
                let answer = try await gateway.send(headers: [("x-berth-hop", "1")])
                #expect(answer.status == 421 && answer["code"] == "not_leader")
                #expect(answer["leader"] == "node-3" && answer["address"] == third.url && answer.epoch == 4)
                #expect(elsewhere.calls.count == 1)
            }
        }
    }

    @Test func twoNodesThatPointAtEachOtherEndInAnError() async throws {
        let (first, second) = (FakeRoutes(), FakeRoutes())
        try await withGateway(node: "a", local: try FakeDatabases(), source: first, limits: { $0.wait = .milliseconds(200) }) { a in
            try await withGateway(node: "b", local: try FakeDatabases(), source: second) { b in
                try first.set("shop", epoch: 2, node: "b", port: b.port)
                try second.set("shop", epoch: 2, node: "a", port: a.port)
                let answer = try await a.send()
                #expect(answer.status == 503 && answer["code"] == "leader_unavailable")
                #expect(answer.headers.first(name: "retry-after") != nil)
            }
        }
    }

    @Test func aNewerLeaderFromA421IsFollowed() async throws {
        let leader = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: leader) { third in
            let (stale, current) = (FakeRoutes(), FakeRoutes())
            try current.set("shop", epoch: 2, node: "c", port: third.port)
            try await withGateway(local: try FakeDatabases(), source: current) { second in
                #expect(try await second.send().status == 200)
                try stale.set("shop", epoch: 1, node: "b", port: second.port)
                try await withGateway(source: stale) { gateway in
                    let once = try await gateway.send(body: "once")
                    #expect(once.status == 200)
                    #expect(leader.calls.filter { $0.body == Array("once".utf8) }.count == 1)
                    // The route that was learned stays, although the source still names the old leader.
                    let learned = gateway.routes.lastKnown(try DatabaseName("shop"))
                    #expect(learned?.epoch == Epoch(2))
                    let again = try await gateway.send()
                    #expect(again.status == 200)
                    #expect(gateway.routes.lastKnown(try DatabaseName("shop"))?.epoch == Epoch(2))
                }
            }
        }
    }

    @Test func anOlderLeaderFromA421IsNotFollowed() async throws {
        let behind = FakeRoutes()
        let wrong = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: wrong) { old in
            try behind.set("shop", epoch: 1, node: "old", port: old.port)
            let fresh = try FakeDatabases()
            try await withGateway(local: fresh, source: behind) { successor in
                // The successor still believes in the old leader: it has not noticed yet that it leads.
                #expect(try await successor.send().status == 200)
                let source = FakeRoutes()
                try source.set("shop", epoch: 2, node: "successor", port: successor.port)
                try await withGateway(source: source) { gateway in
                    let answer = Task { try await gateway.send(body: "late") }
                    await eventually { source.looks > 1 }
                    try fresh.lead("shop")
                    let late = try await answer.value
                    #expect(late.status == 200)
                    #expect(fresh.calls.count == 1)
                    #expect(wrong.calls.filter { $0.body == Array("late".utf8) }.isEmpty)
                }
            }
        }
    }

    @Test func aRefusedConnectionWaitsForTheNextLeader() async throws {
        let leader = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: leader) { next in
            let source = FakeRoutes()
            try source.set("shop", epoch: 1, port: try await deadPort())
            try await withGateway(source: source) { gateway in
                let answer = Task { try await gateway.send() }
                await eventually { source.looks > 1 }
                try source.set("shop", epoch: 2, port: next.port)
                gateway.routes.invalidate([fakeID])
                #expect(try await answer.value.status == 200)
                #expect(leader.calls.count == 1)
            }
        }
    }

    @Test func aConnectionLostAfterSendingIsNeverSentAgain() async throws {
        let rude = try await RudeServer(.hangUp, marker: "insert-me")
        let source = FakeRoutes()
        try source.set("shop", epoch: 1, port: rude.port)
        try await withGateway(source: source) { gateway in
            let answer = try await gateway.send(body: "insert-me")
            #expect(answer.status == 502 && answer["code"] == "outcome_unknown")
            #expect(rude.arrived == 1)
        }
        await rude.close()
    }

    /// What a leader, or something between here and it, may answer without a promise that nothing was executed.
    @Test(arguments: [
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", 502, nil), ("HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 4\r\n\r\nslow", 504, nil),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nretry-after: 0\r\n\r\nbusy", 503, nil),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 27\r\n\r\n{\"code\":\"too_many_requests\"}", 503, nil),
        ("HTTP/1.1 421 Misdirected Request\r\ncontent-length: 2\r\n\r\n{}", 421, nil), ("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n", 408, nil),
        ("HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", 307, nil),
        ("HTTP/1.1 200 OK\r\ncontent-le", 502, "outcome_unknown"), ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"baton\":", 502, "outcome_unknown"),
        ("", 502, "outcome_unknown"), ("nonsense\r\n\r\n", 502, "outcome_unknown"),
    ] as [(String, Int, String?)])
    func whatHasArrivedIsNeverSentAgain(_ answer: String, _ status: Int, _ code: String?) async throws {
        let rude = try await RudeServer(.answers(answer), marker: "insert-me")
        let source = FakeRoutes()
        try source.set("shop", epoch: 1, port: rude.port)
        try await withGateway(source: source) { gateway in
            let given = try await gateway.send(body: "insert-me")
            #expect(given.status == status)
            if let code { #expect(given["code"] == code) }
            #expect(rude.arrived == 1)
        }
        await rude.close()
    }

    @Test func aReplyThatTakesTooLongIsOfUnknownOutcome() async throws {
        let silent = try await RudeServer(.silent, marker: "insert-me")
        let source = FakeRoutes()
        try source.set("shop", epoch: 1, port: silent.port)
        try await withGateway(source: source, limits: { $0.reply = .milliseconds(200) }) { gateway in
            let answer = try await gateway.send(body: "insert-me")
            #expect(answer.status == 502 && answer["code"] == "outcome_unknown")
            #expect(silent.arrived == 1)
        }
        await silent.close()
    }

    @Test func aSilentLeaderIsGivenUpOnceItHasLostTheDatabase() async throws {
        let silent = try await RudeServer(.silent, marker: "insert-me")
        let source = FakeRoutes()
        try source.set("shop", epoch: 1, port: silent.port)
        try await withGateway(
            source: source, limits: { $0.doubt = .milliseconds(10); $0.lateReply = .milliseconds(10) }
        ) { gateway in
            let answer = Task { try await gateway.send(body: "insert-me") }
            await eventually { silent.arrived == 1 }
            try source.set("shop", epoch: 2, port: try await deadPort())
            gateway.routes.invalidateAll()
            let given = try await answer.value
            #expect(given.status == 502 && given["code"] == "outcome_unknown")
            #expect(silent.arrived == 1)
        }
        await silent.close()
    }

    @Test func anAddressNobodyCanReachIsNotTried() async throws {
        #expect(throws: BerthError.self) { try PeerAddress("http://0.0.0.0:8080") }
        for bad in [
            "", "10.0.0.1:80", "ftp://a:1", "http://", "http://:80", "http://[::]:80", "http://a:0", "http://a:99999", "http://a/b", "http://u@h:1", "http://a:1?x",
            "http://[x]:1", "http://[28001::1]:1", "http://a]b", "http://[::1", "http://0x0:1", "http://[::ffff:0.0.0.0]:1",
        ] {
            #expect(throws: BerthError.self, "\(bad)") { try PeerAddress(bad) }
        }
        #expect(try PeerAddress("http://10.0.0.7:8080/").description == "http://10.0.0.7:8080")
        #expect(try PeerAddress("https://[fe80::1]:443").description == "https://[fe80::1]:443")
        #expect(try PeerAddress("http://node-1").description == "http://node-1")
    }
}
