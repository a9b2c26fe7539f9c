import FleetModel
import FleetStore
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

    /// Makes sure that the bucket is there and safe to use, and that it is the fleet's.
    ///
    /// - Parameter fleet: whose bucket it must be; `nil` when that is not known yet.
    /// - Throws: `bucket_unavailable`, `bucket_unsafe`, `configuration_invalid`; `fleet_setting_differs`, `store_unavailable`.
    static func verify(_ settings: RoleSettings, of fleet: FleetCatalogue?, logger: Logger) async throws {
        let url = try settings.required("bucket")
        let store = try ObjectStores.open(url: url, environment: ProcessInfo.processInfo.environment)
        do {
            try await ObjectStoreProbe.verify(store)
            if let fleet { try await BucketMarker.check(store, of: fleet) }
            try await store.shutdown()
        } catch {
            try? await store.shutdown()
            throw error
        }
    }
}
