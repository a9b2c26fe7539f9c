import BerthTestKit
import Changesets
import Engines
import FleetModel
import FleetStore
import Foundation
import ObjectStores
import Replication
import Testing

/// Damage in the bucket or beside a copy, wherever it is: a restore fails with the place named, or gives exactly what was
/// published.
@Suite(.timeLimit(.minutes(2)))
struct RestoreDamageTests {
    private let disk: TemporaryDirectory

    init() throws { disk = try TemporaryDirectory(inMemory: true) }

    /// Restores `tenant` from the object as it is now.
    private func expect(
        _ tenant: SharedBundle.Tenant, of bundle: SharedBundle, isRestored: Bool, _ comment: Comment,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for folder in [nil, disk.path] {
            try await expect(
                tenant, of: bundle, by: bundle.restorer(spoolingTo: folder), isRestored: isRestored, comment, sourceLocation: sourceLocation)
        }
    }

    private func expect(
        _ tenant: SharedBundle.Tenant, of bundle: SharedBundle, by restorer: Restorer, isRestored: Bool, _ comment: Comment,
        sourceLocation: SourceLocation
    ) async throws {
        let copy = LocalCopy(database: tenant.entry.database, in: disk.path)
        try copy.wipe()
        do throws(BerthError) {
            _ = try await restorer.bring(copy, to: tenant.entry.endPosition)
            #expect(isRestored, comment, sourceLocation: sourceLocation)
            let content = try? Data(contentsOf: URL(fileURLWithPath: copy.filePath))
            #expect(content == Data(tenant.content), comment, sourceLocation: sourceLocation)
        } catch {
            #expect(!isRestored, "\(comment): \(error)", sourceLocation: sourceLocation)
            #expect(error.code == .dataCorrupt, "\(comment): \(error)", sourceLocation: sourceLocation)
            for word in [bundle.name, "changeset 1 of database \(tenant.entry.database)"] {
                #expect(error.message.contains(word), "\(comment): \(error)", sourceLocation: sourceLocation)
            }
            #expect(try copy.mark() == nil && !FileManager.default.fileExists(atPath: copy.filePath), comment, sourceLocation: sourceLocation)
        }
    }

    @Test func aFlippedBitAnywhereInTheObject() async throws {
        let bundle = try await SharedBundle(isCompressed: true)
        for offset in bundle.bytes.indices {
            var damaged = bundle.bytes
            damaged[offset] ^= 1 << UInt8(offset % 8)
            try await bundle.store(damaged)
            for tenant in bundle.tenants {
                // Header, index and footer are for whoever has lost the segment rows; a restore has them.
                try await expect(tenant, of: bundle, isRestored: !tenant.stored.contains(offset), "bit flipped in byte \(offset)")
            }
        }
    }

    @Test func theObjectCutAnywhere() async throws {
        let bundle = try await SharedBundle(isCompressed: true)
        for count in bundle.bytes.indices {
            try await bundle.store(Array(bundle.bytes[..<count]))
            for tenant in bundle.tenants {
                try await expect(tenant, of: bundle, isRestored: tenant.stored.upperBound <= count, "\(count) bytes")
            }
        }
    }

    @Test func aFlippedBitInWhatIsNotCompressed() async throws {
        let bundle = try await SharedBundle(isCompressed: false)
        let tenant = bundle.tenants[1]
        for offset in stride(from: tenant.stored.lowerBound, to: tenant.stored.upperBound, by: 37) {
            var damaged = bundle.bytes
            damaged[offset] ^= 1 << UInt8(offset % 8)
            try await bundle.store(damaged)
            try await expect(tenant, of: bundle, isRestored: false, "bit flipped in byte \(offset)")
        }
    }

    /// Rows of the lease store that no object can fit.
    @Test func rowsThatNameImpossiblePlaces() async throws {
        let bundle = try await SharedBundle(isCompressed: true)
        let tenant = bundle.tenants[0]
        for (offset, length) in [(UInt64.max, UInt64(1)), (1 << 63, 1), (0, 1 << 63), (0, 0), (96, .max), (1 << 40, 5)] {
            bundle.source.change(tenant.entry.database) { segments in
                segments[0].entry.offset = offset
                segments[0].entry.storedLength = length
            }
            try await expect(tenant, of: bundle, isRestored: false, "\(length) bytes at \(offset)")
        }
    }

    /// The bucket has all of the object; only the answer was short. That is no damage, and passes.
    @Test func anAnswerThatIsCutOffIsNotDamage() async throws {
        let bundle = try await SharedBundle(isCompressed: true)
        let tenant = bundle.tenants[0]
        bundle.objects.before { call in
            if call.operation == .get { throw ObjectStoreError.truncated(name: call.name, expected: 9, received: 3) }
        }
        let copy = LocalCopy(database: tenant.entry.database, in: disk.path)
        let error = await #expect(throws: BerthError.self) {
            try await bundle.restorer().bring(copy, to: tenant.entry.endPosition)
        }
        #expect(error?.code == .bucketUnavailable)
    }

    @Test func theMarkOfTheCopyDamagedAnywhere() async throws {
        let bundle = try await SharedBundle(isCompressed: true)
        let tenant = bundle.tenants[0]
        let copy = LocalCopy(database: tenant.entry.database, in: disk.path)
        _ = try await bundle.restorer().bring(copy, to: tenant.entry.endPosition)
        let path = URL(fileURLWithPath: copy.directory + "/clean.json")
        let mark = try Data(contentsOf: path)
        for bit in 0..<mark.count * 8 {
            var damaged = mark
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            try damaged.write(to: path)
            _ = try await bundle.restorer().bring(copy, to: tenant.entry.endPosition)
            #expect(try copy.mark()?.position == tenant.entry.endPosition, "bit \(bit)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: copy.filePath)) == Data(tenant.content), "bit \(bit)")
        }
    }

    @Test func aMarkHoldsWhateverTheBytes() {
        #expect(CopyMarkFuzz.target.run() == [])
        #expect(CopyWatermarkFuzz.target.run() == [])
    }
}
