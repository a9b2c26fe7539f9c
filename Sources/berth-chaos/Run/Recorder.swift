import Chaos
import Foundation
import Synchronization

/// Everything that happens in a run: kept for the checker, and written to files as it happens.
final class Recorder: Sendable {
    private struct State {
        var events: [HistoryEvent] = []
        var faults: [FaultRecord] = []
        var outcomes: [String: Int] = [:]
        var acknowledged: [String: Int] = [:]
        var databases: [Int: String] = [:]
        var nextRequest = 1
        var failure: (any Error)?
    }

    let clock: RunClock
    private let history: EventFile<HistoryEvent>
    private let faultFile: EventFile<FaultRecord>
    private let state = Mutex(State())

    /// - Throws: what the file system answers.
    init(directory: String, clock: RunClock) throws {
        self.clock = clock
        history = try EventFile("\(directory)/history.jsonl")
        faultFile = try EventFile("\(directory)/faults.jsonl", pieceBytes: 1)
    }

    func record(_ event: HistoryEvent) {
        state.withLock { $0.events.append(event) }
        keep { try history.append(event) }
    }

    func record(_ fault: FaultRecord) {
        state.withLock { $0.faults.append(fault) }
        keep { try faultFile.append(fault) }
    }

    /// Carries out a request, with an event before and one after.
    @discardableResult
    func request(
        client: Int, database: String, through entry: String, _ work: Work, _ carryOut: () async -> Outcome
    ) async -> Outcome {
        let id = state.withLock { state in
            defer { state.nextRequest += 1 }
            return state.nextRequest
        }
        record(
            .started(
                RequestStart(id: id, client: client, database: database, through: entry, at: clock.now(), work: work)))
        let outcome = await carryOut()
        record(.finished(RequestFinish(id: id, at: clock.now(), outcome: outcome)))
        state.withLock { state in
            let name = switch outcome {
            case .acknowledged: "acknowledged"
            case .observed: "answered"
            case .refused(let code): "refused: \(code)"
            case .unknown(let code): "in doubt: \(code)"
            }
            state.outcomes[name, default: 0] += 1
            if outcome == .acknowledged { state.acknowledged[database, default: 0] += 1 }
        }
        return outcome
    }

    var historySoFar: History { History(state.withLock { $0.events }) }
    var faults: [FaultRecord] { state.withLock { $0.faults } }
    /// Requests by what became of them.
    var outcomes: [String: Int] { state.withLock { $0.outcomes } }
    /// Acknowledged writes, by database.
    var acknowledged: [String: Int] { state.withLock { $0.acknowledged } }

    /// Hands everything to the system.
    ///
    /// - Throws: the first failure to write, also an earlier one.
    func flush() throws {
        try history.flush()
        try faultFile.flush()
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func keep(_ write: () throws -> Void) {
        do { try write() } catch { state.withLock { $0.failure = $0.failure ?? error } }
    }
}
