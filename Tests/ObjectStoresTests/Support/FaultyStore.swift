import ObjectStores
import Synchronization

/// A store in memory that fails as the test says.
final class FaultyStore: ObjectStore {
    enum Fault {
        /// Nothing happens, an error comes back.
        case before(ObjectStoreError)
        /// It happens, and an error comes back all the same: the answer was lost.
        case after(ObjectStoreError)
    }

    static let lost = ObjectStoreError.unavailable(reason: "connection reset", retryable: true)

    let inner = MemoryStore()
    private let faults: Mutex<[Fault?]>
    private let count = Mutex(0)

    /// - Parameter faults: One for each request from the first on; afterwards, and for `nil`, all is well.
    init(_ faults: [Fault?]) { self.faults = Mutex(faults) }

    /// Requests that were made.
    var requests: Int { count.withLock { $0 } }

    private func request<Result>(_ body: () async throws -> Result) async throws -> Result {
        count.withLock { $0 += 1 }
        switch faults.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
        case .before(let error): throw error
        case .after(let error):
            _ = try await body()
            throw error
        case nil: return try await body()
        }
    }

    func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        try await request { try await inner.put(name, bytes: bytes, condition: condition) }
    }
    func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] {
        try await request { try await inner.get(name, range: range) }
    }
    func head(_ name: String) async throws -> ObjectInfo? {
        try await request { try await inner.head(name) }
    }
    func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        try await request { try await inner.list(prefix: prefix, after: after, limit: limit) }
    }
    func delete(_ names: [String]) async throws {
        try await request { try await inner.delete(names) }
    }
    func shutdown() async throws {}
}
