import FleetModel
import Hrana

/// One request in a transaction that it shares with others. Confined to the database's actor.
final class GroupMember {
    let call: ShareableRequests
    let access: AccessRights
    let request: RequestUnderWay
    /// Worth nothing before the transaction has ended well.
    var answer = GroupResults()
    /// Statements begun.
    var statements = 0
    /// The first run of a statement that wrote.
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
        answer = GroupResults()
    }

    /// The transaction it was in was not kept.
    func fail(_ error: SQLError) {
        if let firstWrite { answer.failure = (firstWrite, error) }
    }
}
