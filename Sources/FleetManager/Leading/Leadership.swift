import FleetModel
import FleetStore
import Leases
import Logging

/// What the leading manager does, for as long as its term lasts. Every intent it writes is guarded by the term.
final class Leadership: Sendable {
    let term: ManagerTerm
    /// Something about sessions may have changed.
    let wakeup = Wakeup()
    private let work: Task<Void, Never>

    init(manager: FleetManager, term: ManagerTerm) {
        self.term = term
        let wakeup = wakeup
        self.work = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    var failover = Failover(manager: manager, term: term)
                    await failover.run(wakeup: wakeup)
                }
                group.addTask { await OperationRunner(manager: manager, term: term).run() }
                group.addTask { await OrphanSweeper(manager: manager, term: term).run() }
            }
        }
    }

    func end() { work.cancel() }
}
