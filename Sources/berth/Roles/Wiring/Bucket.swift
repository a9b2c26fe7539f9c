import FleetModel
import FleetStore
import Foundation
import Logging
import ObjectStores

/// The object store of a process, behind its one request budget.
enum Bucket {
    /// - Throws: `configuration_invalid`.
    static func open(_ settings: RoleSettings, logger: Logger) throws(BerthError) -> RetryingStore {
        RetryingStore(try bare(settings), budget: RequestBudget(), logger: logger)
    }

    /// Makes sure that the bucket is there and safe to use.
    ///
    /// - Throws: `bucket_unavailable`, `bucket_unsafe`, `configuration_invalid`.
    static func verify(_ settings: RoleSettings) async throws {
        try await use(settings) { try await ObjectStoreProbe.verify($0) }
    }

    /// Makes sure that the bucket is that of the fleet.
    ///
    /// - Parameters:
    ///   - postgres: the fleet's.
    ///   - role: shown in `pg_stat_activity`.
    /// - Throws: `fleet_setting_differs`, `bucket_unavailable`, `store_unavailable`.
    static func check(_ settings: RoleSettings, postgres: PostgresURL, role: String, logger: Logger) async throws {
        let pool = PostgresPool(url: postgres, size: 1, applicationName: role, logger: logger)
        do {
            try await use(settings) { try await BucketMarker.check($0, of: FleetCatalogue(pool: pool)) }
            await pool.close()
        } catch {
            await pool.close()
            throw error
        }
    }

    private static func bare(_ settings: RoleSettings) throws(BerthError) -> any ObjectStore {
        let uploads = try settings.uploads()
        return try ObjectStores.open(url: try settings.required("bucket"), environment: ProcessInfo.processInfo.environment) { bucket in
            bucket.partBytes = uploads.partBytes
            bucket.parallelParts = uploads.parallelParts
            bucket.minimumBytesPerSecond = uploads.minimumBytesPerSecond
        }
    }

    private static func use(_ settings: RoleSettings, _ body: (any ObjectStore) async throws -> Void) async throws {
        let store = try bare(settings)
        do {
            try await body(store)
            try await store.shutdown()
        } catch {
            try? await store.shutdown()
            throw error
        }
    }
}
