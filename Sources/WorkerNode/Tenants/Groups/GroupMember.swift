import Engines
import FleetModel
import Hrana

/// One request in a transaction that it shares with others. Confined to the tenant's actor.
final class GroupMember {
    let call: ShareableRequests
    let access: AccessRights
    let request: RequestUnderWay
    /// One for each request carried out. Worth nothing before the transaction has ended well.
    var results: [Result<StreamResponse, SQLError>] = []
    /// Statements begun.
    var statements = 0
    /// Its statements are in a transaction of its own making. The one it shares takes that one's place.
    var isInTransaction = false
    var limits = StatementLimits.unlimited
    /// The first request that wrote.
    var firstWrite: Int?
    /// Nobody before it in the group, who would wait for it with an answer that could be given already.
    var isFirst = false
    /// What it wrote can be undone without what others did.
    var hasSavepoint = false
    /// Nothing of it was kept: it is carried out again, in transactions of its own.
    private(set) var standsAlone = false

    init(_ call: ShareableRequests, _ access: AccessRights, _ request: RequestUnderWay) {
        self.call = call
        self.access = access
        self.request = request
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
