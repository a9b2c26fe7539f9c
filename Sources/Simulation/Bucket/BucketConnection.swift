import Chaos
import FleetModel
import ObjectStores

/// What can be wrong with a simulated object store.
struct BucketTrouble: Sendable {
    /// Of a hundred requests, so many fail without having been carried out.
    var errors: UInt64 = 0
    /// Of a hundred requests, so many are carried out and their replies lost.
    var lostReplies: UInt64 = 0
    /// Of a hundred reads, so many end in the middle.
    var cutBodies: UInt64 = 0
    var delay: Duration = .zero
    /// Of a hundred uploads, so many take long, while others are as quick as ever.
    var slowUploads: UInt64 = 0
    static let slowUpload: ClosedRange<Duration> = .milliseconds(500)...(.seconds(4))
}

/// The object store of a simulated fleet.
final class BucketServer: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.
    let objects = MemoryStore()
    var trouble = BucketTrouble()
    /// Says that it has stored what it has not.
    var forgets = false
    /// Told of what was deleted.
    var onDelete: ([String]) -> Void = { _ in }
}

/// One process's way to the object store.
struct BucketConnection: ObjectStore {
    let life: Life
    let network: Network
    let scheduler: Scheduler
    let bucket: BucketServer
    let server: Life
    let clock: SimulatedClock

    private func request<Value: Sendable>(
        reads: Bool = false, _ body: @escaping @Sendable (MemoryStore) async throws -> Value
    ) async throws -> Value {
        let bucket = bucket, scheduler = scheduler
        func hits(_ percent: UInt64) -> Bool { percent > 0 && UInt64.random(in: 0..<100, using: &scheduler.chance) < percent }
        if bucket.trouble.delay > .zero { try await clock.sleep(for: bucket.trouble.delay) }
        if hits(bucket.trouble.errors) { throw ObjectStoreError.unavailable(reason: "503 Slow Down", retryable: true) }
        let reply = await network.call(from: life, to: server, timeout: .seconds(10)) { () -> Result<Value, any Error> in
            do { return .success(try await body(bucket.objects)) } catch { return .failure(error) }
        }
        if reads && hits(bucket.trouble.cutBodies) {
            throw ObjectStoreError.truncated(name: "object", expected: 2, received: 1)
        }
        if hits(bucket.trouble.lostReplies) { throw ObjectStoreError.unavailable(reason: "the reply was lost", retryable: true) }
        switch reply {
        case .answered(let result): return try result.get()
        case .unreached: throw ObjectStoreError.unavailable(reason: "connection refused", retryable: true)
        case .lost: throw ObjectStoreError.unavailable(reason: "connection reset", retryable: true)
        }
    }

    func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        if bucket.forgets { return ObjectVersion(etag: "forgotten") }
        if bucket.trouble.slowUploads > 0, UInt64.random(in: 0..<100, using: &scheduler.chance) < bucket.trouble.slowUploads {
            try await clock.sleep(for: scheduler.chance.duration(in: BucketTrouble.slowUpload))
        }
        return try await request { try await $0.put(name, bytes: bytes, condition: condition) }
    }

    func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] {
        try await request(reads: true) { try await $0.get(name, range: range) }
    }

    func head(_ name: String) async throws -> ObjectInfo? { try await request { try await $0.head(name) } }

    func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        try await request { try await $0.list(prefix: prefix, after: after, limit: limit) }
    }

    func delete(_ names: [String]) async throws {
        let bucket = bucket
        try await request { objects in
            try await objects.delete(names)
            bucket.onDelete(names)
        }
    }

    func shutdown() async throws {}
}
