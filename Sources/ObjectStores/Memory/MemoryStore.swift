public import FoundationEssentials
import Synchronization

/// A bucket in memory, for tests.
public final class MemoryStore: ObjectStore {
    private struct Object {
        var bytes: [UInt8]
        var version: ObjectVersion
        var lastModified: Date
    }

    private struct Bucket {
        var objects: [NameBytes: Object] = [:]
        var puts = 0
    }

    private let bucket = Mutex(Bucket())
    private let now: @Sendable () -> Date

    /// - Parameter now: The clock that stamps objects.
    public init(now: @escaping @Sendable () -> Date = { Date() }) {
        self.now = now
    }

    @discardableResult
    public func put(_ name: String, bytes: [UInt8], condition: PutCondition) async throws -> ObjectVersion {
        try ObjectNaming.validate(name)
        let key = NameBytes(name)
        let now = now()
        return try bucket.withLock { bucket throws(ObjectStoreError) in
            let existing = bucket.objects[key]
            switch condition {
            case .none: break
            case .createOnly: guard existing == nil else { throw .preconditionFailed(name: name) }
            case .ifMatch(let version):
                guard existing?.version == version else { throw .preconditionFailed(name: name) }
            }
            bucket.puts += 1
            let version = ObjectVersion(etag: String(bucket.puts))
            bucket.objects[key] = Object(bytes: bytes, version: version, lastModified: now)
            return version
        }
    }

    public func get(_ name: String, range: Range<Int64>?) async throws -> [UInt8] {
        try ObjectNaming.validate(name)
        try ObjectNaming.validate(range: range)
        guard let bytes = bucket.withLock({ $0.objects[NameBytes(name)]?.bytes }) else {
            throw ObjectStoreError.notFound(name: name)
        }
        guard let range else { return bytes }
        guard range.upperBound <= bytes.count else {
            throw ObjectStoreError.truncated(
                name: name, expected: Int64(range.count), received: max(0, Int64(bytes.count) - range.lowerBound))
        }
        return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    public func head(_ name: String) async throws -> ObjectInfo? {
        try ObjectNaming.validate(name)
        return bucket.withLock { bucket in
            bucket.objects[NameBytes(name)].map { Self.info(name, $0) }
        }
    }

    public func list(prefix: String, after: String?, limit: Int) async throws -> [ObjectInfo] {
        try ObjectNaming.validate(limit: limit)
        return bucket.withLock { bucket in
            let names = bucket.objects.keys.filter { key in
                key.text.startsInBytes(with: prefix) && (after.map { $0.precedesInBytes(key.text) } ?? true)
            }
            return names.sorted().prefix(limit).compactMap { name in
                bucket.objects[name].map { Self.info(name.text, $0) }
            }
        }
    }

    public func delete(_ names: [String]) async throws {
        for name in names { try ObjectNaming.validate(name) }
        bucket.withLock { bucket in
            for name in names { bucket.objects[NameBytes(name)] = nil }
        }
    }

    public func shutdown() async throws {}

    /// Whether there is such an object.
    public func holds(_ name: String) -> Bool { bucket.withLock { $0.objects[NameBytes(name)] != nil } }

    private static func info(_ name: String, _ object: Object) -> ObjectInfo {
        ObjectInfo(
            name: name, size: Int64(object.bytes.count), lastModified: object.lastModified, version: object.version)
    }
}
