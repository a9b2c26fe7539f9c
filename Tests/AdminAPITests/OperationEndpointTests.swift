import AdminAPI
import FleetModel
import FleetStore
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite struct OperationEndpointTests {
    private func startMove(_ fleet: AdminFleet, of name: String = "shop") async throws -> OperationResource {
        try await fleet.makeDatabase(name)
        return try await fleet.call(.post, "/v1/databases/\(name)/move", json: #"{"to": "node-2"}"#).resource()
    }

    @Test func listsTheNewestFirstInPages() async throws {
        try await AdminFleet.run { fleet in
            var ids: [String] = []
            for name in ["a", "b", "c"] { ids.append(try await startMove(fleet, of: name).id) }
            try await fleet.setOperation(ids[1], state: "succeeded", done: 1, total: 1)
            let first: OperationPage = try await fleet.call(.get, "/v1/operations?limit=2", as: .read).resource()
            let cursor = try #require(first.nextCursor)
            let second: OperationPage = try await fleet.call(.get, "/v1/operations?limit=2&cursor=\(cursor)").resource()
            #expect(first.operations.count == 2 && second.nextCursor == nil)
            #expect(Set((first.operations + second.operations).map(\.id)) == Set(ids))
            #expect((first.operations + second.operations).map(\.id) == ids.sorted().reversed())
            let open: OperationPage = try await fleet.call(.get, "/v1/operations?open=true").resource()
            #expect(Set(open.operations.map(\.id)) == [ids[0], ids[2]])
            for query in ["open=yes", "cursor=1", "limit=0"] {
                #expect(try await fleet.call(.get, "/v1/operations?\(query)").outcome == "400 invalid_argument")
            }
        }
    }

    @Test func showsWhyAnOperationFailed() async throws {
        try await AdminFleet.run { fleet in
            let id = try await startMove(fleet).id
            try await fleet.setOperation(id, state: "failed", done: 0, total: 1, error: "node_dead")
            let operation: OperationResource = try await fleet.call(.get, "/v1/operations/\(id)", as: .read).resource()
            #expect(operation.state == "failed" && operation.finishedAt != nil)
            #expect(operation.error == .init(code: "node_dead", message: "because"))
        }
    }

    @Test func cancelsOnceAndNotAfterTheEnd() async throws {
        try await AdminFleet.run { fleet in
            let id = try await startMove(fleet).id
            for _ in 0..<2 {
                let reply = try await fleet.call(.post, "/v1/operations/\(id)/cancel", as: .operate)
                #expect(try reply.resource(OperationResource.self).cancelRequested)
            }
            let finished = try await startMove(fleet, of: "other").id
            try await fleet.setOperation(finished, state: "succeeded", done: 1, total: 1)
            #expect(try await fleet.call(.post, "/v1/operations/\(finished)/cancel").outcome == "409 operation_finished")
        }
    }

    @Test func knowsNoUnknownOperation() async throws {
        try await AdminFleet.run { fleet in
            for id in ["00000000-0000-0000-0000-00000000abcd", "x"] {
                let shown = try await fleet.call(.get, "/v1/operations/\(id)")
                #expect(shown.outcome == "404 operation_not_found")
                #expect(try await fleet.call(.post, "/v1/operations/\(id)/cancel").outcome == "404 operation_not_found")
            }
        }
    }

    @Test(arguments: ["-1", "61", "x"]) func waitsNotForEver(wait: String) async throws {
        try await AdminFleet.run { fleet in
            let id = try await startMove(fleet).id
            #expect(try await fleet.call(.get, "/v1/operations/\(id)?wait=\(wait)").outcome == "400 invalid_argument")
        }
    }

    @Test func aHintEndsTheWait() async throws {
        // The clock stands still, so nothing but the hint can.
        let clock = ManualClock()
        try await AdminFleet.run(clock: clock) { fleet in
            let id = try await startMove(fleet).id
            async let waiting = fleet.call(.get, "/v1/operations/\(id)?wait=60")
            await clock.someoneSleeps()
            try await fleet.setOperation(id, state: "running", done: 0, total: 1)
            #expect(try await waiting.resource(OperationResource.self).state == "running")
        }
    }

    @Test func aSlowLookEndsTheWaitWhenTheHintWasLost() async throws {
        let clock = ManualClock()
        try await AdminFleet.run(clock: clock, hearsHints: false) { fleet in
            let id = try await startMove(fleet).id
            async let waiting = fleet.call(.get, "/v1/operations/\(id)?wait=60")
            await clock.someoneSleeps()
            try await fleet.setOperation(id, state: "succeeded", done: 1, total: 1)
            clock.advance(by: .seconds(2))
            #expect(try await waiting.resource(OperationResource.self).state == "succeeded")
        }
    }

    @Test func theWaitEndsInTimeWithoutAChange() async throws {
        let clock = ManualClock()
        try await AdminFleet.run(clock: clock) { fleet in
            let id = try await startMove(fleet).id
            async let waiting = fleet.call(.get, "/v1/operations/\(id)?wait=3")
            for _ in 0..<2 {
                await clock.someoneSleeps()
                clock.advance(by: .seconds(2))
            }
            #expect(try await waiting.resource(OperationResource.self).state == "pending")
        }
    }

    @Test func aFinishedOperationIsNotWaitedFor() async throws {
        try await AdminFleet.run(clock: ManualClock()) { fleet in
            let id = try await startMove(fleet).id
            try await fleet.setOperation(id, state: "cancelled", done: 0, total: 1)
            let operation: OperationResource = try await fleet.call(.get, "/v1/operations/\(id)?wait=60").resource()
            #expect(operation.state == "cancelled")
        }
    }
}
