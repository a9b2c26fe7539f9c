import BerthTestKit
import Foundation
import ObjectStores
import Testing

/// Every kind of store that has to pass the conformance suite.
enum StoreUnderTest: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory
    case directory
    case s3
    case s3WithSmallPages
    case s3WithSmallParts
    case retryingMemory

    /// For tests to which the size of pages and batches makes no difference.
    static let withoutSmallPages = allCases.filter { $0 != .s3WithSmallPages && $0 != .s3WithSmallParts }

    var testDescription: String { rawValue }

    /// The smallest that servers take.
    static let partBytes = 5 << 20

    private static let moto = Task { try await MotoServer.start() }

    /// Runs a test with a fresh, empty store of this kind.
    ///
    /// - Parameter pageSize: Of listings, for `s3WithSmallPages`.
    func use(pageSize: Int = 7, _ test: (any ObjectStore) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "berth-store-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let store: any ObjectStore
        switch self {
        case .memory: store = MemoryStore()
        case .directory: store = try DirectoryStore(path: folder.path)
        case .s3: store = S3Store(try await Self.s3Configuration())
        case .s3WithSmallPages:
            var configuration = try await Self.s3Configuration()
            configuration.listPageSize = pageSize
            configuration.deleteBatchSize = 5
            store = S3Store(configuration)
        case .s3WithSmallParts:
            var configuration = try await Self.s3Configuration()
            configuration.partBytes = Self.partBytes
            store = S3Store(configuration)
        case .retryingMemory: store = RetryingStore(MemoryStore())
        }
        do {
            try await test(store)
        } catch {
            try await store.shutdown()
            throw error
        }
        try await store.shutdown()
    }

    /// A fresh bucket, with a prefix so that keys and names differ.
    static func s3Configuration() async throws -> S3Configuration {
        let url = try await moto.value.url(bucket: "test-\(UUID().uuidString.lowercased())", prefix: "some/prefix")
        guard case .s3(let configuration) = try ObjectStoreURL(url, environment: MotoServer.environment) else {
            throw ObjectStoreError.invalid(reason: "\(url) is not S3")
        }
        return configuration
    }
}
