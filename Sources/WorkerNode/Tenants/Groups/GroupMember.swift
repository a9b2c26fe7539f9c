import Engines
import FleetModel
import Hrana

/// One request in a transaction that it shares with others. Confined to the tenant's actor.
final class GroupMember {
    let requests: [StreamRequest]
    let access: AccessRights
    let request: RequestUnderWay
    /// One for each request carried out. Worth nothing before the transaction has ended well.
    var results: [Result<StreamResponse, SQLError>] = []
    /// Statements begun.
    var statements = 0
    var limits = StatementLimits.unlimited
    /// The first request that wrote, which is also what its savepoint precedes.
    var firstWrite: Int?
    /// Nothing of it was kept: it is carried out again, in transactions of its own.
    private(set) var standsAlone = false
    /// Of the task that waits for the group; `nil` when that carries the group out itself.
    var continuation: CheckedContinuation<Void, Never>?

    init(_ requests: [StreamRequest], _ access: AccessRights, _ request: RequestUnderWay) {
        self.requests = requests
        self.access = access
        self.request = request
    }

    /// One statement by itself needs no transaction around it.
    var gainsFromTransaction: Bool {
        var statements = 0
        for request in requests {
            switch request {
            case .execute: statements += 1
            case .batch(let batch): statements += batch.steps.count
            default: break
            }
        }
        return statements > 1
    }

    func standAlone() {
        standsAlone = true
        results = []
    }

    /// The transaction it was in was not kept: everything from its first write on has failed.
    func fail(_ error: SQLError) {
        guard let firstWrite else { return }
        for index in firstWrite..<results.count {
            switch results[index] {
            case .success(.execute): results[index] = .failure(error)
            case .success(.batch(let batch)):
                let steps = batch.steps.map { step in if case .skipped = step { step } else { StepResult.failed(error) } }
                results[index] = .success(.batch(BatchResult(steps: steps)))
            default: break
            }
        }
    }
}

/// Requests that wait for the next transaction of their tenant. Confined to the tenant's actor.
struct GroupQueue {
    private var waiting: [GroupMember] = []
    /// A job that carries them out is on the lane.
    var isScheduled = false

    var isEmpty: Bool { waiting.isEmpty }

    mutating func append(_ member: GroupMember) { waiting.append(member) }

    /// Those that came first.
    mutating func take(atMost count: Int) -> [GroupMember] {
        guard waiting.count > count else {
            defer { waiting = [] }
            return waiting
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting[..<count])
    }

    /// They go on waiting, before everybody else.
    mutating func putBack(_ members: ArraySlice<GroupMember>) { waiting.insert(contentsOf: members, at: 0) }
}
