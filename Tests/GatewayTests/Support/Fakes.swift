import FleetModel
import FleetStore
import Gateway
import Hrana
import Routing
import Synchronization

/// The databases of a node as a test wants them.
final class FakeDatabases: LocalDatabases {
    typealias Serve = @Sendable (DataCall) async throws(BerthError) -> DataReply

    private struct State {
        var led: Set<DatabaseName> = []
        var calls: [DataCall] = []
        var serve: Serve
    }

    private let state: Mutex<State>

    init(leading led: [String] = [], serve: @escaping Serve = { call in DataReply(body: call.body) }) throws {
        state = Mutex(State(led: Set(try led.map { try DatabaseName($0) }), serve: serve))
    }

    /// Calls that were given to `serve`, in order.
    var calls: [DataCall] { state.withLock { $0.calls } }

    func lead(_ name: String, _ leads: Bool = true) throws {
        let name = try DatabaseName(name)
        state.withLock { state in
            if leads { state.led.insert(name) } else { state.led.remove(name) }
        }
    }

    func serve(with serve: @escaping Serve) { state.withLock { $0.serve = serve } }

    func leads(_ name: DatabaseName) -> Bool { state.withLock { $0.led.contains(name) } }

    func serve(_ call: DataCall) async throws(BerthError) -> DataReply {
        let serve = state.withLock { state in
            state.calls.append(call)
            return state.serve
        }
        return try await serve(call)
    }
}

/// A route source that answers what a test wrote.
final class FakeRoutes: RouteSource {
    private let state = Mutex<(records: [DatabaseName: RouteRecord], looks: Int)>(([:], 0))

    var looks: Int { state.withLock { $0.looks } }

    /// - Parameter port: of the leader on this machine; `nil` for nobody.
    func set(_ name: String, id: DatabaseID = fakeID, epoch: Int64, node: String = "other", port: Int?) throws {
        let record = RouteRecord(
            database: id, name: try DatabaseName(name), epoch: Epoch(epoch), session: port.map { _ in .random() },
            node: port == nil ? nil : try NodeName(node), address: port.map { "http://127.0.0.1:\($0)" })
        state.withLock { $0.records[record.name] = record }
    }

    func route(to name: DatabaseName) async throws(BerthError) -> RouteRecord {
        let record = state.withLock { state in
            state.looks += 1
            return state.records[name]
        }
        guard let record else { throw BerthError(.databaseNotFound, "There is no “\(name)”.") }
        return record
    }
}

let fakeID = DatabaseID.random()

/// Tokens as a test wants them.
final class FakeTokens: TokenSource {
    private struct State {
        var grants: [String: TokenGrant] = [:]
        var isAway = false
        var looks = 0
        var gate: [AsyncStream<Void>.Continuation]?
    }

    private let state = Mutex(State())

    init(_ grants: [String: TokenGrant] = ["good": TokenGrant(scope: .operate)]) {
        state.withLock { $0.grants = grants }
    }

    var looks: Int { state.withLock { $0.looks } }
    func set(_ secret: String, _ grant: TokenGrant?) { state.withLock { $0.grants[secret] = grant } }
    func goAway(_ isAway: Bool = true) { state.withLock { $0.isAway = isAway } }
    func hold() { state.withLock { $0.gate = [] } }
    func letGo() {
        for held in state.withLock({ state in defer { state.gate = nil }; return state.gate ?? [] }) { held.finish() }
    }

    func grant(for secret: TokenSecret) async throws(BerthError) -> TokenGrant? {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let (isAway, grant) = state.withLock { state in
            state.looks += 1
            if state.gate == nil { continuation.finish() } else { state.gate?.append(continuation) }
            return (state.isAway, state.grants[secret.text])
        }
        for await _ in stream {}
        if isAway { throw BerthError(.storeUnavailable, "away") }
        return grant
    }
}
