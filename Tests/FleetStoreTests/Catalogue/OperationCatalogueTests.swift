import BerthTestKit
import FleetModel
import FleetStore
import Leases
import Testing

@Suite(.timeLimit(.minutes(2)))
struct OperationCatalogueTests {
    @Test func anOperationIsRecordedAndRunUnderATerm() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        try await stage.node("node-1")
        let id = try await stage.makeDatabase("shop", on: "node-1")
        let created = try await stage.catalogue.createOperation(.move, database: id, node: try NodeName("node-1"))
        #expect(created.kind == .move && created.state == .pending && !created.cancelRequested)
        #expect(created.database == id && created.databaseName?.description == "shop" && created.node?.description == "node-1")
        #expect(created.finishedAt == nil && created.done == 0 && created.total == 0)

        #expect(try await stage.catalogue.update(created.id, state: .running, done: 3, total: 7, under: term))
        let running = try await stage.catalogue.operation(created.id)
        #expect(running.state == .running && running.done == 3 && running.total == 7 && running.finishedAt == nil)
        #expect(running.updatedAt >= created.updatedAt)
        let failure = BerthError(.nodeDead, "gone")
        #expect(try await stage.catalogue.update(created.id, state: .failed, done: 3, total: 7, error: failure, under: term))
        let failed = try await stage.catalogue.operation(created.id)
        #expect(failed.state == .failed && failed.errorCode == "node_dead" && failed.errorMessage == "gone")
        #expect(failed.finishedAt != nil && failed.state.isFinished)
        // What is finished stays as it is.
        #expect(try await !stage.catalogue.update(created.id, state: .succeeded, done: 7, total: 7, under: term))
        #expect(try await stage.catalogue.operation(created.id) == failed)
        #expect(try await berthErrorCode { try await stage.catalogue.operation(.random()) } == .operationNotFound)
    }

    @Test func ofManyOperationsOnATargetOneIsOpen() async throws {
        let stage = try await CatalogueStage(connections: 8)
        let term = try await stage.term()
        try await stage.node("node-1")
        let id = try await stage.makeDatabase("shop", on: "node-1")
        let node = try NodeName("node-1")
        for kind in OperationKind.allCases {
            let created = try await withThrowingTaskGroup(of: OperationRecord?.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        do {
                            return try await stage.catalogue.createOperation(
                                kind, database: kind == .drain ? nil : id, node: kind == .failover ? nil : node)
                        } catch let error as BerthError {
                            guard error.code == .operationConflict else { throw error }
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
            }
            #expect(created.count == 1)
            let open = try #require(created.first)
            if kind != .drain {
                // Of whatever kind.
                let other: OperationKind = kind == .move ? .failover : .move
                #expect(try await berthErrorCode { try await stage.catalogue.createOperation(other, database: id) } == .operationConflict)
            }
            try await stage.catalogue.update(open.id, state: .succeeded, done: 1, total: 1, under: term)
        }
        #expect(try await stage.catalogue.operations(openOnly: true, limit: 10).isEmpty)
        #expect(try await stage.catalogue.operations(limit: 10).count == 3)
    }

    @Test func operationsAreListedNewestFirst() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        var created: [OperationID] = []
        for number in 0..<7 {
            let record = try await stage.catalogue.createOperation(.drain, node: try NodeName("node-\(number)"))
            created.append(record.id)
            if number % 2 == 0 { try await stage.catalogue.update(record.id, state: .succeeded, done: 0, total: 0, under: term) }
        }
        // Identifiers of one millisecond are in no order of time, but in one order.
        let expected = created.sorted(by: >)
        for limit in [1, 2, 7, 50] {
            var listed: [OperationID] = []
            while true {
                let page = try await stage.catalogue.operations(before: listed.last, limit: limit)
                listed += page.map(\.id)
                if page.count < limit { break }
            }
            #expect(listed == expected)
        }
        #expect(
            try await stage.catalogue.operations(openOnly: true, limit: 50).map(\.id)
                == expected.filter { created.firstIndex(of: $0).map { $0 % 2 == 1 } ?? false })
    }

    @Test func cancellingAsksOnceAndOnlyWhatIsOpen() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        let open = try await stage.catalogue.createOperation(.drain, node: try NodeName("node-1"))
        #expect(try await stage.catalogue.requestCancel(open.id).cancelRequested)
        #expect(try await stage.catalogue.requestCancel(open.id).state == .pending)
        // Progress does not take it back.
        #expect(try await stage.catalogue.update(open.id, state: .running, done: 1, total: 2, under: term))
        #expect(try await stage.catalogue.operation(open.id).cancelRequested)
        #expect(try await stage.catalogue.update(open.id, state: .cancelled, done: 1, total: 2, under: term))
        #expect(try await stage.catalogue.requestCancel(open.id).state == .cancelled)

        let done = try await stage.catalogue.createOperation(.drain, node: try NodeName("node-1"))
        #expect(try await stage.catalogue.update(done.id, state: .succeeded, done: 2, total: 2, under: term))
        #expect(try await berthErrorCode { try await stage.catalogue.requestCancel(done.id) } == .operationFinished)
        #expect(try await stage.catalogue.operation(done.id).cancelRequested == false)
        #expect(try await berthErrorCode { try await stage.catalogue.requestCancel(.random()) } == .operationNotFound)
    }
}
