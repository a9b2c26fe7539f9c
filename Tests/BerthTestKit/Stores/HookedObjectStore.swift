public import ObjectStores
import Synchronization

/// An object store that keeps account of its calls and fails as a test tells it to.
public final class HookedObjectStore: ObjectStore {
    public enum Operation: Sendable, Hashable {
        case put, get, head, list, delete
    }

    public struct Call: Sendable {
        public var operation: Operation
        public var name: String
        /// What is stored; `nil` for everything but a put.
        public var bytes: [UInt8]?
        public var range: Range<Int64>?
    }

    public typealias Hook = @Sendable (Call) async throws -> Void

    private struct State {
        var calls: [Call] = []
        var before: Hook?
        var after: Hook?
        var read: (@Sendable (Call, [UInt8]) -> [UInt8])?
    }

    public let base: any ObjectStore
    private let state = Mutex(State())

    public init(_ base: any ObjectStore) { self.base = base }

    /// Runs ahead of each call. When it throws, the call does not happen.
    public func before(_ hook: Hook?) { state.withLock { $0.before = hook } }

    /// Runs after each call that succeeded. When it throws, the call happened and its reply is lost.
    public func after(_ hook: Hook?) { state.withLock { $0.after = hook } }

    /// Changes what reads answer.
    public func onRead(_ change: (@Sendable (Call, [UInt8]) -> [UInt8])?) { state.withLock { $0.read = change } }

    public var calls: [Call] { state.withLock { $0.calls } }
    public func count(_ operation: Operation) -> Int { calls.count { $0.operation == operation } }
    public func forgetCalls() { state.withLock { $0.calls = [] } }

    private func run<Answer>(_ call: Call, _ body: () async throws -> Answer) async throws -> Answer {
        let before = state.withLock { state in
            state.calls.append(call)
            return state.before
        }
        try await before?(call)
        let answer = try await body()
        try await state.withLock { $0.after }?(call)
        return answer
    }

    @discardableResult
    public func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        try await run(Call(operation: .put, name: name, bytes: bytes)) {
            try await base.put(name, bytes: bytes, condition: condition)
        }
    }

    public func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] {
        let call = Call(operation: .get, name: name, range: range)
        let bytes = try await run(call) { try await base.get(name, range: range) }
        return state.withLock { $0.read }?(call, bytes) ?? bytes
    }

    public func head(_ name: String) async throws -> ObjectInfo? {
        try await run(Call(operation: .head, name: name)) { try await base.head(name) }
    }

    public func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        try await run(Call(operation: .list, name: prefix)) {
            try await base.list(prefix: prefix, after: after, limit: limit)
        }
    }

    public func delete(_ names: [String]) async throws {
        try await run(Call(operation: .delete, name: names.joined(separator: " "))) { try await base.delete(names) }
    }

    public func shutdown() async throws { try await base.shutdown() }
}
