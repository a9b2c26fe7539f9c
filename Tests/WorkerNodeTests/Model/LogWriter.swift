import BerthTestKit
import FleetModel
import FleetStore
import Leases
import Synchronization
import Testing

@testable import WorkerNode

/// Writes the numbers 1, 2, 3, … into one database and remembers what it was told about each.
final class LogWriter: Sendable {
    private struct State {
        var acknowledged: [Int] = []
        /// Nobody could say whether it was kept.
        var unknown: Set<Int> = []
        /// The last number that was seen in a database whose commits were all published.
        var durable = 0
        var isStopping = false
        var random: SeededGenerator
    }

    private let record: DatabaseRecord
    private let fleet: RandomFleet
    private let state: Mutex<State>

    init(_ record: DatabaseRecord, _ fleet: RandomFleet, seed: UInt64) {
        self.record = record
        self.fleet = fleet
        state = Mutex(State(random: SeededGenerator(seed: seed)))
    }

    var acknowledged: [Int] { state.withLock { $0.acknowledged } }
    func stop() { state.withLock { $0.isStopping = true } }
    private var isStopping: Bool { state.withLock { $0.isStopping } }

    func run() async throws {
        try await write("CREATE TABLE IF NOT EXISTS log (n INTEGER)", number: nil)
        var number = 0
        while !isStopping {
            number += 1
            try await write("INSERT INTO log VALUES (\(number))", number: number)
            if state.withLock({ Int.random(in: 0..<8, using: &$0.random) == 0 }) { await noteDurable() }
            try await Task.sleep(for: .milliseconds(state.withLock { Int.random(in: 0..<10, using: &$0.random) }))
        }
    }

    /// Tries until somebody executed it or nobody knows; then it is not sent again.
    private func write(_ sql: String, number: Int?) async throws {
        while !isStopping {
            for node in fleet.nodes where node.leads(record) {
                do {
                    _ = try await node.client(record).execute(sql)
                    if let number { state.withLock { $0.acknowledged.append(number) } }
                    return
                } catch let error as BerthError {
                    switch error.code {
                    case .notLeader, .leaderUnavailable, .shipLagExceeded, .bucketUnavailable, .storeUnavailable: continue
                    case .outcomeUnknown:
                        // A table that may be there is asked for again; a row is not.
                        guard let number else { continue }
                        state.withLock { _ = $0.unknown.insert(number) }
                        return
                    default: throw error
                    }
                } catch let error as ErrorAnswer where ["TRANSACTION_BUSY", "STREAM_EXPIRED"].contains(error.code) {
                    continue
                } catch let error as ErrorAnswer where error.message.contains("no such table") {
                    // Local durability may lose even the table.
                    #expect(record.durability == .local)
                    return try await write("CREATE TABLE IF NOT EXISTS log (n INTEGER)", number: nil)
                }
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// What a head that is published now contains can never be lost.
    private func noteDurable() async {
        for node in fleet.nodes {
            guard let tenant = node.tenant(record), await tenant.isServingNow, await tenant.allIsPublished,
                node.node.isReady
            else { continue }
            // It still leads in a later moment, so it led when it was asked.
            let lease = try? await node.leases.base.leases(of: [record.id]).first
            let claim = await tenant.currentClaim
            guard lease?.session == node.session.id, lease?.epoch == claim.epoch, lease?.head.seq == claim.headSeq else {
                continue
            }
            let kept = (try? await node.client(record).execute("SELECT coalesce(max(n), 0) FROM log").firstColumn.first)
                .flatMap { Int($0) } ?? 0
            guard await tenant.allIsPublished else { continue }
            state.withLock { $0.durable = max($0.durable, kept) }
        }
    }

    func verify() async throws {
        let found = try await eventuallyExecute("SELECT n FROM log ORDER BY rowid", on: record, fleet.nodes).firstColumn
            .compactMap { Int($0) }
        let (acknowledged, unknown, durable) = state.withLock { ($0.acknowledged, $0.unknown, $0.durable) }
        let kept = Set(found)
        #expect(found == kept.sorted(), "\(record.name): twice, or out of order: \(found)")
        #expect(kept.isSubset(of: Set(acknowledged).union(unknown)), "\(record.name): what was said not to have happened")
        let lost = acknowledged.filter { !kept.contains($0) }
        switch record.durability {
        case .bucket: #expect(lost.isEmpty, "\(record.name): acknowledged and lost: \(lost)")
        case .local:
            #expect(durable == 0 || kept.contains(durable), "\(record.name): \(durable) was published and is lost")
        }
    }
}
