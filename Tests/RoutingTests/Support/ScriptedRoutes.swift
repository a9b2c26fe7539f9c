import FleetModel
import FleetStore
import Routing
import Synchronization

/// A route source that answers what a test wrote, when the test lets it.
final class ScriptedRoutes: RouteSource {
    private struct State {
        var answers: [DatabaseName: Result<RouteRecord, BerthError>] = [:]
        var looks = 0
        var isHeld = false
        var held: [AsyncStream<Void>.Continuation] = []
    }

    private let state = Mutex(State())

    /// Look-ups begun so far.
    var looks: Int { state.withLock { $0.looks } }

    func set(_ record: RouteRecord) { state.withLock { $0.answers[record.name] = .success(record) } }
    func fail(_ name: DatabaseName, _ code: BerthError.Code) {
        state.withLock { $0.answers[name] = .failure(BerthError(code, "scripted")) }
    }

    /// Look-ups from now on read their answer at once and deliver it after `letGo()`.
    func hold() { state.withLock { $0.isHeld = true } }
    func letGo() {
        let held = state.withLock { state in
            defer { state.held = [] }
            state.isHeld = false
            return state.held
        }
        for one in held { one.finish() }
    }

    func route(to name: DatabaseName) async throws(BerthError) -> RouteRecord {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let answer = state.withLock { state in
            state.looks += 1
            if state.isHeld { state.held.append(continuation) } else { continuation.finish() }
            return state.answers[name]
        }
        for await _ in stream {}
        switch answer {
        case .success(let record): return record
        case .failure(let error): throw error
        case nil: throw BerthError(.databaseNotFound, "no “\(name)”")
        }
    }
}

func name(_ text: String) throws -> DatabaseName { try DatabaseName(text) }

/// A route at `epoch`; without a leader when `node` is nil.
func record(_ text: String, id: DatabaseID, epoch: Int64, node: String?) throws -> RouteRecord {
    RouteRecord(
        database: id, name: try DatabaseName(text), epoch: Epoch(epoch),
        session: node.map { _ in SessionID.random() }, node: try node.map { try NodeName($0) },
        address: node.map { "http://\($0):8080" })
}
