import FleetModel
import FleetStore
import Leases
import Logging
import Placement

/// What every operation needs: its row, the term, and a way to wait for progress.
struct OperationContext: Sendable {
    let manager: FleetManager
    let term: ManagerTerm
    let record: OperationRecord
    let signals: ProgressSignals

    var catalogue: any ManagerCatalogue { manager.catalogue }

    /// Looks, again after every hint and at least every second, until `look` answers with a value.
    ///
    /// - Throws: what `look` throws; `timed_out` when `timeout` has passed; `CancellationError`.
    func wait<Value: Sendable>(
        timeout: Duration?, for what: String, _ look: () async throws -> Value?
    ) async throws -> Value {
        let wakeup = signals.subscribe()
        defer { signals.unsubscribe(wakeup) }
        let clock = manager.clock
        let deadline = timeout.map { clock.now() + $0 }
        while true {
            try Task.checkCancellation()
            let looked = clock.now()
            if let value = try await look() { return value }
            if let deadline, clock.now() >= deadline {
                throw BerthError(.timedOut, "Waited \(Int(timeout?.seconds ?? 0)) s for \(what).")
            }
            await wakeup.wait(until: min(looked + .seconds(1), deadline ?? looked + .seconds(1)), clock: clock)
            // Hints come in bursts; one look answers many.
            try await clock.sleep(until: looked + .milliseconds(10))
        }
    }

    func isCancelRequested() async throws -> Bool {
        try await catalogue.operation(record.id).cancelRequested
    }

    func progress(done: Int64, total: Int64) async throws {
        invariant(0 <= done && done <= total, "an operation has done \(done) of \(total)")
        let written = try await catalogue.update(record.id, state: .running, done: done, total: total, error: nil, under: term)
        // The term is over, or somebody finished the operation.
        if !written { throw CancellationError() }
    }

    func finish(_ state: OperationState, done: Int64? = nil, total: Int64? = nil, error: BerthError? = nil) async {
        do {
            let current = try await catalogue.operation(record.id)
            try await catalogue.update(
                record.id, state: state, done: done ?? current.done, total: total ?? current.total, error: error,
                under: term)
        } catch {
            manager.logger.warning("outcome not recorded", metadata: ["operation": "\(record.id)", "error": "\(error)"])
        }
    }

    /// The database this operation is about.
    ///
    /// - Throws: `database_not_found` when it was deleted meanwhile.
    func status() async throws -> DatabaseStatus {
        guard let id = record.database, let status = try await catalogue.database(id) else {
            throw BerthError(.databaseNotFound, "The database of this operation does not exist any more.")
        }
        return status
    }

    /// Whether `target` leads the database of this operation and has opened it.
    ///
    /// - Throws: `database_unopenable` when that will not come: what is published does not open there.
    func isServed(by target: NodeName) async throws -> Bool {
        let status = try await status()
        if status.leader == target {
            if status.isServed { return true }
            if let state = status.unopenable {
                throw BerthError(
                    .databaseUnopenable,
                    "“\(target)” leads “\(status.record.name)”, and what is published of it does not open: \(state.code), \(state.reason). "
                        + "`berth db show \(status.record.name)` tells what can be done.")
            }
        } else if status.placedOn == target, let refusal = status.refusal {
            throw BerthError(
                .databaseUnopenable,
                "“\(target)” will not take “\(status.record.name)” over, because what is published of it does not open there: "
                    + "\(refusal.code), \(refusal.reason). It stays where it is.")
        }
        return false
    }

    /// The node with this name.
    ///
    /// - Throws: `node_dead` when it has no live session.
    func aliveNode(_ name: NodeName) async throws -> NodeStatus {
        let node = try await catalogue.node(named: name)
        guard node.isAlive else {
            throw BerthError(.nodeDead, "Node “\(name)” is not alive. The database stays where it is.")
        }
        return node
    }

    /// Takes a move back: the database stays where it is led.
    func placeBack() async throws {
        let status = try await status()
        guard let leader = status.leader, leader != status.placedOn else { return }
        try await catalogue.place([(status.record.id, status.placedOn, leader)], under: term)
    }
}
