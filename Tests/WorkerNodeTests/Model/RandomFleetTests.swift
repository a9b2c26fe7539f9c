import Foundation
import BerthTestKit
import FleetModel
import FleetStore
import Leases
import ObjectStores
import Testing

@testable import WorkerNode

/// Nodes that crash, are cut off, lose replies and hand over, while clients write: at the end every acknowledged
/// write that was promised is there, once and in order.
@Suite(.timeLimit(.minutes(3)))
struct RandomFleetTests {
    /// Two to keep it short; `BERTH_MODEL_SEEDS=10...30` looks further.
    static var seeds: [UInt64] {
        let bounds = ProcessInfo.processInfo.environment["BERTH_MODEL_SEEDS"]?.split(separator: "...").compactMap { UInt64($0) }
        guard let bounds, let first = bounds.first, let last = bounds.last, first <= last else { return [1, 2] }
        return Array(first...last)
    }

    @Test(arguments: Self.seeds)
    func whatWasPromisedIsThereInTheEnd(seed: UInt64) async throws {
        let stores = try TestStores()
        let catalogue = FakeCatalogue(leases: stores.leases.base)
        let fleet = try RandomFleet(stores, catalogue, seed: seed)
        var records: [DatabaseRecord] = []
        for number in 0..<6 {
            let record = try await stores.makeDatabase("db-\(number)", durability: number % 2 == 0 ? .bucket : .local)
            catalogue.place(record, on: fleet.names[number % fleet.names.count])
            records.append(record)
        }
        try await stores.whileTimePasses {
            let clients = records.enumerated().map { LogWriter($1, fleet, seed: seed &* 100 &+ UInt64($0)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients { group.addTask { try await client.run() } }
                try await fleet.disturb(times: 15, records)
                for client in clients { client.stop() }
                try await group.waitForAll()
            }
            try await fleet.calm(records)
            for client in clients { try await client.verify() }
            for record in records { try await stores.verifyChain(of: record) }
            #expect(clients.allSatisfy { $0.acknowledged.count > 0 }, "nothing was tested")
            try await fleet.stop()
        }
    }
}
