import FleetModel
import FleetStore
import NIOHTTP1
import Routing
import Synchronization
import Testing

@testable import Gateway

/// Requests wait while a database moves, instead of failing.
@Suite(.timeLimit(.minutes(1)))
struct WaitingTests {
    @Test func aMoveIsWaitedFor() async throws {
        let leader = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: leader) { successor in
            let source = FakeRoutes()
            let mover = try FakeDatabases(leading: ["shop"]) { _ throws(BerthError) in
                throw BerthError(.notLeader, "It is being handed over.")
            }
            try await withGateway(node: "here", local: mover, source: source) { gateway in
                try source.set("shop", epoch: 1, node: "here", port: gateway.port)
                let answers = (0..<10).map { index in Task { try await gateway.send(body: "\(index)") } }
                await eventually { mover.calls.count >= 12 }
                try source.set("shop", epoch: 2, node: "there", port: successor.port)
                try mover.lead("shop", false)
                gateway.routes.invalidate([fakeID])
                for answer in answers { #expect(try await answer.value.status == 200) }
                #expect(leader.calls.count == 10)
            }
        }
    }

    @Test func aDatabaseThatOpensHereIsWaitedFor() async throws {
        let source = FakeRoutes()
        let local = try FakeDatabases()
        try await withGateway(node: "here", local: local, source: source) { gateway in
            try source.set("shop", epoch: 1, node: "here", port: gateway.port)
            let answer = Task { try await gateway.send() }
            await eventually { source.looks > 1 }
            try local.lead("shop")
            #expect(try await answer.value.status == 200)
        }
    }

    /// Found by the simulation: a node that cannot confirm its lease, asked by a route that a hint put in doubt.
    @Test func aRouteInDoubtIsNotWaitedForInALoop() async throws {
        let source = FakeRoutes()
        let local = try FakeDatabases(leading: ["shop"]) { _ throws(BerthError) in
            throw BerthError(.leaderUnavailable, "It cannot confirm its lease.")
        }
        try await withGateway(node: "here", local: local, source: source, limits: { $0.wait = .seconds(1) }) { gateway in
            try source.set("shop", epoch: 1, node: "here", port: gateway.port)
            _ = try await gateway.routes.route(to: DatabaseName("shop"))
            gateway.routes.invalidateAll()
            #expect(try await gateway.send().status == BerthError.Code.leaderUnavailable.httpStatus)
            // At 5, 10, 20, … 250 ms; without a pause there are thousands.
            #expect(local.calls.count < 20)
        }
    }

    @Test func aDatabaseWithoutALeaderIsWaitedFor() async throws {
        let leader = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in DataReply(body: call.body) }
        try await withGateway(local: leader) { next in
            let source = FakeRoutes()
            try source.set("shop", epoch: 1, port: nil)
            try await withGateway(source: source) { gateway in
                let answer = Task { try await gateway.send() }
                await eventually { source.looks > 0 }
                try source.set("shop", epoch: 2, port: next.port)
                gateway.routes.invalidate([fakeID])
                #expect(try await answer.value.status == 200)
            }
        }
    }

    @Test func aLeaderThatIsNotReadyIsAskedAgain() async throws {
        let attempts = Mutex(0)
        let leader = try FakeDatabases(leading: ["shop"]) { call throws(BerthError) in
            let attempt = attempts.withLock { $0 += 1; return $0 }
            if attempt < 4 { throw BerthError(.leaderUnavailable, "Still opening.") }
            return DataReply(body: call.body)
        }
        try await withGateway(local: leader) { other in
            let source = FakeRoutes()
            try source.set("shop", epoch: 1, port: other.port)
            try await withGateway(source: source) { gateway in
                // The leader's own gateway says so at once to a forwarded call.
                let answer = try await gateway.send(body: "x")
                #expect(answer.status == 200)
                #expect(leader.calls.count == 4)
            }
        }
    }

    @Test func waitingEndsWithAnError() async throws {
        let source = FakeRoutes()
        try source.set("shop", epoch: 1, port: nil)
        try await withGateway(source: source, limits: { $0.wait = .milliseconds(50) }) { gateway in
            let answer = try await gateway.send()
            #expect(answer.status == 503 && answer["code"] == "leader_unavailable")
            #expect(answer.headers.first(name: "retry-after") == "1")
        }
    }

    @Test(arguments: [(1, 1 << 20), (100, 10)])
    func theQueueIsBounded(_ requests: Int, _ bytes: Int) async throws {
        let local = try FakeDatabases()
        let source = FakeRoutes()
        try source.set("shop", epoch: 1, port: nil)
        try await withGateway(
            node: "here", local: local, source: source,
            limits: { $0.waitingRequests = requests; $0.waitingBytes = bytes }
        ) { gateway in
            let first = Task { try await gateway.send(body: "12345678") }
            // The second look-up is made by whoever waits for a leader: the first request has its place.
            await eventually { source.looks >= 2 }
            let second = try await gateway.send(body: "12345678")
            #expect(second.status == 429)
            #expect(second["code"] == "too_many_requests" && second.headers.first(name: "retry-after") == "1")
            try local.lead("shop")
            try source.set("shop", epoch: 2, node: "here", port: gateway.port)
            gateway.routes.invalidateAll()
            #expect(try await first.value.status == 200)
            #expect(local.calls.count == 1)
            // The place is free again.
            #expect(try await gateway.send(body: "12345678").status == 200)
        }
    }

    @Test func pausesGrowToAQuarterOfASecond() {
        var pace = RetryPace()
        #expect((0..<9).map { _ in pace.next().milliseconds } == [0, 5, 10, 20, 40, 80, 160, 250, 250])
    }
}
