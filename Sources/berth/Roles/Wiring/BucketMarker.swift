import FleetModel
import FleetStore
import Foundation
import ObjectStores

/// Whose bucket this is: an object with a number that the fleet has written down as well.
///
/// A process with another bucket, or another folder of it, than the rest of its fleet would publish where nobody restores from, and two
/// fleets in one bucket would sweep each other's objects. Addresses say nothing of that: one bucket may have several.
///
/// The marker is put before the fleet writes its number down. So a bucket with a marker that no fleet knows of, and nothing else in it, is one
/// whose first process died in between, and is anybody's. Where there are objects, the one published last proves that they are the fleet's.
enum BucketMarker {
    static let name = "fleet.json"

    private struct Content: Codable {
        var fleet: UUID
    }

    /// - Throws: `fleet_setting_differs` for another bucket than the fleet's; `bucket_unavailable`, `store_unavailable`.
    static func check(_ store: any ObjectStore, of fleet: FleetCatalogue) async throws {
        do { try await compare(store, with: fleet) } catch let error as ObjectStoreError { throw error.berthError }
    }

    private static func compare(_ store: any ObjectStore, with fleet: FleetCatalogue) async throws {
        let known = try await fleet.bucket()
        var marker = try await read(store)
        if let known, known == marker { return }
        if known != nil, marker != nil { throw another("its “\(name)” is another fleet's, or of another bucket of this one") }
        if let newest = try await fleet.newestBundle() {
            guard try await store.size(newest) != nil else { throw another("“\(newest)”, which the fleet published last, is not there") }
        } else {
            if known != nil { throw another("it has no “\(name)”") }
            guard try await store.list(prefix: "bundles/", after: nil, limit: 1).isEmpty else {
                throw another("it has bundles, and this fleet has published none")
            }
        }
        if marker == nil {
            do {
                try await store.put(name, bytes: Array(try JSONEncoder().encode(Content(fleet: known ?? UUID()))), condition: .createOnly)
            } catch ObjectStoreError.preconditionFailed {
                // Another process of this fleet was faster.
            }
            marker = try await read(store)
        }
        guard let marker, try await fleet.claimBucket(marker) == marker else { throw another("the fleet has another one since just now") }
    }

    private static func read(_ store: any ObjectStore) async throws -> UUID? {
        let bytes: [UInt8]
        do { bytes = try await store.get(name) } catch ObjectStoreError.notFound { return nil }
        guard let content = try? JSONDecoder().decode(Content.self, from: Data(bytes)) else {
            throw another("its “\(name)” is not one that Berth has written")
        }
        return content.fleet
    }

    private static func another(_ reason: String) -> BerthError {
        BerthError(
            .fleetSettingDiffers,
            "This process was given another “bucket” than its fleet has: \(reason). Give all processes of a fleet the same bucket and folder, and no "
                + "other fleet that one.")
    }
}
