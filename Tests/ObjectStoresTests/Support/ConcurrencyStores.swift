import ObjectStores
import Synchronization

/// Notes how many requests are under way at once.
final class ConcurrencyGauge: HeadOnlyStore {
    private let state = Mutex<(now: Int, highest: Int)>((0, 0))
    var highest: Int { state.withLock { $0.highest } }

    func head(_ name: String) async throws -> ObjectInfo? {
        state.withLock { state in
            state.now += 1
            state.highest = max(state.highest, state.now)
        }
        // Lets every other task that may run do so.
        for _ in 0..<100 { await Task.yield() }
        state.withLock { $0.now -= 1 }
        return nil
    }
}

/// Answers only once it is opened.
final class GatedStore: HeadOnlyStore {
    private let asked = AsyncStream<Void>.makeStream()
    private let opened = AsyncStream<Void>.makeStream()

    func waitUntilAsked() async { for await _ in asked.stream { return } }
    func open() { opened.continuation.finish() }

    func head(_ name: String) async throws -> ObjectInfo? {
        asked.continuation.yield()
        for await _ in opened.stream {}
        return nil
    }
}

/// Of which a test uses only `head`.
protocol HeadOnlyStore: ObjectStore {}

extension HeadOnlyStore {
    func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        throw ObjectStoreError.invalid(reason: "not part of this test")
    }
    func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] {
        throw ObjectStoreError.invalid(reason: "not part of this test")
    }
    func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        throw ObjectStoreError.invalid(reason: "not part of this test")
    }
    func delete(_ names: [String]) async throws {
        throw ObjectStoreError.invalid(reason: "not part of this test")
    }
    func shutdown() async throws {}
}
