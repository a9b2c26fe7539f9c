import FleetModel
import Metrics
import Synchronization

/// The place of one request. Given back once, by whoever has it.
struct AdmissionTicket: Sendable {
    let database: DatabaseName
    fileprivate(set) var bytes: Int
}

/// The budget that the connections of a gateway share.
final class Admissions: Sendable {
    private let budget: Mutex<AdmissionBudget>
    private let refusals = Dictionary(
        uniqueKeysWithValues: AdmissionBudget.Shortage.allCases.map { reason in
            (reason, Counter(label: "berth_door_requests_refused_total", dimensions: [("reason", reason.rawValue)]))
        })

    init(_ limits: GatewayLimits) { budget = Mutex(AdmissionBudget(limits)) }

    /// Bytes of bodies.
    var bytes: Int { budget.withLock { $0.bytes } }

    /// - Parameter bytes: what the head says of the body.
    /// - Throws: `database_busy`, `node_busy`.
    func enter(_ database: DatabaseName, bytes: Int) throws(BerthError) -> AdmissionTicket {
        if let shortage = budget.withLock({ $0.enter(database, bytes: bytes) }) { throw refusal(shortage, database) }
        return AdmissionTicket(database: database, bytes: bytes)
    }

    /// Makes room for a body of `bytes` bytes, if it is more than was said.
    ///
    /// - Throws: `database_busy`, `node_busy`.
    func grow(_ ticket: inout AdmissionTicket, to bytes: Int) throws(BerthError) {
        let (database, more) = (ticket.database, bytes - ticket.bytes)
        guard more > 0 else { return }
        if let shortage = budget.withLock({ $0.grow(database, by: more) }) { throw refusal(shortage, database) }
        ticket.bytes = bytes
    }

    func leave(_ ticket: AdmissionTicket) { budget.withLock { $0.leave(ticket.database, bytes: ticket.bytes) } }

    private func refusal(_ shortage: AdmissionBudget.Shortage, _ database: DatabaseName) -> BerthError {
        refusals[shortage]?.increment()
        return switch shortage {
        case .databaseRequests:
            BerthError(
                .databaseBusy,
                "“\(database)” has as many requests waiting and under way as one database may have; this one was not executed. Send fewer at a time, or try again in a moment.")
        case .databaseBytes:
            BerthError(
                .databaseBusy,
                "The requests to “\(database)” hold as many bytes as those of one database may hold; this one was not executed. Send less at a time, or try again in a moment.")
        case .nodeBytes:
            BerthError(
                .nodeBusy,
                "The requests here hold as many bytes as they may; this one was not executed. Try again in a moment.")
        }
    }
}
