import ObjectStores
import Synchronization

/// A store that gets create-only wrong, in ways real ones do.
final class CarelessStore: ObjectStore {
    enum Carelessness: CaseIterable, Sendable {
        /// Knows no conditions, as `rclone serve s3`.
        case ignoresTheCondition
        /// Looks first and writes then.
        case looksBeforeItWrites
        /// Refuses and writes all the same.
        case writesWhatItRefuses
        case refusesEverything
    }

    private let carelessness: Carelessness
    private let inner = MemoryStore()

    init(_ carelessness: Carelessness) { self.carelessness = carelessness }

    func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        guard condition == .createOnly else { return try await inner.put(name, bytes: bytes, condition: condition) }
        switch carelessness {
        case .ignoresTheCondition:
            return try await inner.put(name, bytes: bytes, condition: .none)
        case .looksBeforeItWrites:
            let exists = try await inner.head(name) != nil
            // Lets the other contenders look, too.
            for _ in 0..<1000 { await Task.yield() }
            if exists { throw ObjectStoreError.preconditionFailed(name: name) }
            return try await inner.put(name, bytes: bytes, condition: .none)
        case .writesWhatItRefuses:
            let exists = try await inner.head(name) != nil
            let version = try await inner.put(name, bytes: bytes, condition: .none)
            if exists { throw ObjectStoreError.preconditionFailed(name: name) }
            return version
        case .refusesEverything:
            throw ObjectStoreError.preconditionFailed(name: name)
        }
    }

    func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] { try await inner.get(name, range: range) }
    func head(_ name: String) async throws -> ObjectInfo? { try await inner.head(name) }
    func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        try await inner.list(prefix: prefix, after: after, limit: limit)
    }
    func delete(_ names: [String]) async throws { try await inner.delete(names) }
    func shutdown() async throws {}
}
