import BerthTestKit
import FleetModel
import FleetStore
import Foundation
import ObjectStores
import Testing

@testable import berth

/// All processes of a fleet have the same bucket, and no other fleet has it.
@Suite(.timeLimit(.minutes(1)))
struct BucketMarkerTests {
    private let database: FleetDatabase
    private let fleet: FleetCatalogue
    private let bucket = MemoryStore()

    init() async throws {
        database = try await FleetDatabase.make()
        fleet = database.catalogue()
    }

    private func check(_ store: any ObjectStore) async throws { try await BucketMarker.check(store, of: fleet) }

    private func expectAnother(_ store: any ObjectStore, _ location: SourceLocation = #_sourceLocation) async {
        let error = await #expect(throws: BerthError.self, sourceLocation: location) { try await check(store) }
        #expect(error?.code == .fleetSettingDiffers, sourceLocation: location)
    }

    private func publish(_ name: String, to store: (any ObjectStore)?) async throws {
        _ = try await database.connection().query("INSERT INTO bundles (name, bytes, entries) VALUES ($1, 1, 1)", [.text(name)])
        try await store?.put(name, bytes: [1], condition: .createOnly)
    }

    @Test func theFirstProcessMarksItAndOthersAgree() async throws {
        #expect(try await fleet.bucket() == nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try await check(bucket) } }
            try await group.waitForAll()
        }
        #expect(try await fleet.bucket() != nil)
        try await check(bucket)
        await expectAnother(MemoryStore())
        let elsewhere = MemoryStore()
        try await elsewhere.put(BucketMarker.name, bytes: Array(#"{"fleet":"\#(UUID())"}"#.utf8), condition: .createOnly)
        await expectAnother(elsewhere)
        try await check(bucket)
    }

    @Test func twoFleetsDoNotShareABucket() async throws {
        try await check(bucket)
        try await publish("bundles/a", to: bucket)
        let other = try await FleetDatabase.make().catalogue()
        let error = await #expect(throws: BerthError.self) { try await BucketMarker.check(bucket, of: other) }
        #expect(error?.code == .fleetSettingDiffers)
        // Whether or not it was marked.
        try await bucket.delete([BucketMarker.name])
        await #expect(throws: BerthError.self) { try await BucketMarker.check(bucket, of: other) }
        #expect(try await other.bucket() == nil)
    }

    /// Published before there were markers, or with a marker that somebody deleted.
    @Test(arguments: [false, true])
    func whatWasPublishedProvesIt(wasMarked: Bool) async throws {
        if wasMarked { try await check(bucket) }
        try await publish("bundles/a", to: bucket)
        try await publish("bundles/b", to: bucket)
        if wasMarked { try await bucket.delete([BucketMarker.name]) }
        await expectAnother(MemoryStore())
        try await check(bucket)
        #expect(try await bucket.size(BucketMarker.name) != nil)
        try await publish("bundles/c", to: nil)
        try await check(bucket)
        try await bucket.delete([BucketMarker.name])
        await expectAnother(bucket)
    }

    /// The marker is there and its number is written down nowhere.
    @Test func theFirstProcessDiedInBetween() async throws {
        let marker = UUID()
        try await bucket.put(BucketMarker.name, bytes: Array(#"{"fleet":"\#(marker)"}"#.utf8), condition: .createOnly)
        try await check(bucket)
        #expect(try await fleet.bucket() == marker)
    }

    @Test func aMarkerThatBerthDidNotWrite() async throws {
        try await bucket.put(BucketMarker.name, bytes: Array("fleet of ships".utf8), condition: .createOnly)
        await expectAnother(bucket)
        #expect(try await fleet.bucket() == nil)
    }

    @Test func aBucketThatIsAwayIsNotAnotherOne() async throws {
        let away = HookedObjectStore(bucket)
        away.before { _ in throw ObjectStoreError.unavailable(reason: "test", retryable: true) }
        let error = await #expect(throws: BerthError.self) { try await check(away) }
        #expect(error?.code == .bucketUnavailable)
    }
}
