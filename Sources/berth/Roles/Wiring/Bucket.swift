import FleetModel
import Foundation
import Logging
import ObjectStores

/// The object store of a process, behind its one request budget.
enum Bucket {
    /// - Throws: `configuration_invalid`.
    static func open(_ settings: RoleSettings, logger: Logger) throws(BerthError) -> RetryingStore {
        let url = try settings.required("bucket")
        let store = try ObjectStores.open(url: url, environment: ProcessInfo.processInfo.environment)
        return RetryingStore(store, budget: RequestBudget(), logger: logger)
    }

    /// Makes sure that the bucket is there and safe to use.
    ///
    /// - Throws: `bucket_unavailable`, `bucket_unsafe`, `configuration_invalid`.
    static func verify(_ settings: RoleSettings, logger: Logger) async throws {
        let store = try ObjectStores.open(url: try settings.required("bucket"), environment: ProcessInfo.processInfo.environment)
        do {
            try await ObjectStoreProbe.verify(store)
            try await store.shutdown()
        } catch {
            try? await store.shutdown()
            throw error
        }
    }
}
