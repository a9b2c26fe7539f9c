import BerthTestKit
import Changesets
import FleetModel
import Foundation
import Leases
import ObjectStores
import Replication
import Synchronization
import Testing

/// Changesets that lie in files are shipped from there.
@Suite(.timeLimit(.minutes(1)))
struct SpoolTests {
    private let disk: TemporaryDirectory

    init() throws { disk = try TemporaryDirectory() }

    private func source(_ fixture: ShipperFixture, pages: Int = 300) async throws -> FakeSource {
        let database = DatabaseID.timeOrdered()
        try await fixture.leases.createLeases([database])
        let epoch = try #require(try await fixture.leases.acquire([database], for: fixture.session.id).first).epoch
        return FakeSource(database, epoch: epoch, pages: pages, spool: disk.path, shipper: fixture.shipper, seed: 5)
    }

    private var files: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: disk.path) } }

    /// What is stored of the last changeset, as a restore reads it.
    private func stored(_ fixture: ShipperFixture) async throws -> [UInt8] {
        let publication = try #require(fixture.leases.publications.last), entry = try #require(publication.entries.first)
        #expect(publication.entries.count == 1)
        #expect(try await fixture.objects.base.size(publication.bundle) == publication.bytes)
        let range = Int64(entry.offset)..<Int64(entry.offset + entry.storedLength)
        return try entry.changesetBytes(from: try await fixture.objects.base.get(publication.bundle, range: range)[...])
    }

    @Test func itIsStoredAsItIsAndLeavesNothingBehind() async throws {
        let fixture = try await ShipperFixture()
        let source = try await source(fixture), small = try await fixture.source()
        try await fixture.shipping {
            for round in 1...2 {
                source.commit(urgent: true)
                small.commit(urgent: true)
                try await becomesTrue("both are shipped") { source.outcomes.count == round && small.outcomes.count == round }
            }
        }
        let bundles = fixture.leases.publications.map { $0.entries.map(\.database) }
        #expect(bundles.count { $0 == [source.database] } == 2, "each by itself")
        var chain = ChainVerifier()
        for entry in fixture.leases.base.segments(of: source.database) { try chain.append(entry) }
        #expect(chain.position == source.tip)
        source.forgetCuts()
        try await becomesTrue("no file is left") { try files.isEmpty }
    }

    @Test func itsBytesAreThoseOfTheFile() async throws {
        let fixture = try await ShipperFixture()
        let source = try await source(fixture)
        source.commit()
        try await fixture.shipping {
            try await becomesTrue("it is shipped") { source.outcomes == [.published] }
        }
        guard case .file(let file) = source.cuts[0].contents else { return #expect(Bool(false), "it is not in a file") }
        #expect(try await stored(fixture) == Array(try Data(contentsOf: URL(fileURLWithPath: file.path))))
    }

    /// Its name was swept: the same changeset goes out under another.
    @Test func itIsSentAgainUnderAnotherName() async throws {
        let fixture = try await ShipperFixture()
        let source = try await source(fixture)
        let sweeps = Mutex(1)
        fixture.leases.before { [leases = fixture.leases] call throws(LeaseStoreError) in
            guard case .publish(let publication) = call, sweeps.withLock({ left in defer { left -= 1 }; return left > 0 }) else { return }
            #expect(leases.base.tombstone(bundle: publication.bundle))
        }
        source.commit()
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("it is shipped") { source.outcomes == [.published] }
        }
        let attempts = fixture.leases.publications
        #expect(attempts.count == 2 && attempts[0].bundle != attempts[1].bundle)
        guard case .file(let file) = source.cuts[0].contents else { return #expect(Bool(false), "it is not in a file") }
        #expect(try await stored(fixture) == Array(try Data(contentsOf: URL(fileURLWithPath: file.path))))
    }

    /// The disk is full, say: it is tried again, and nobody else waits.
    @Test func oneThatCannotBePackedNowIsPackedLater() async throws {
        let fixture = try await ShipperFixture()
        let source = try await source(fixture), small = try await fixture.source()
        // A folder where the stored form would be written.
        let numbers = 1...3
        source.commit()
        try await fixture.shipping {
            try await becomesTrue("it is shipped") { source.outcomes == [.published] }
            source.onSpool { path in
                for number in numbers { try? FileManager.default.createDirectory(atPath: "\(path).\(number + 1)", withIntermediateDirectories: false) }
            }
            source.commit(urgent: true)
            try await fixture.somebodySleeps()
            small.commit(urgent: true)
            try await becomesTrue("the other is shipped") { small.outcomes == [.published] }
            try await becomesTrue("it is shipped in the end") {
                fixture.clock.advance(by: .seconds(1))
                return source.outcomes == [.published, .published]
            }
        }
    }

    @Test func whatLiesInAFileTakesNoMemory() async throws {
        var settings = ShipperSettings()
        settings.maximumWaitingBytes = 8_000
        let fixture = try await ShipperFixture(settings)
        var large: [FakeSource] = []
        for _ in 0..<6 { large.append(try await source(fixture, pages: 4)) }
        let small = try await fixture.sources(3)
        let door = Latch()
        fixture.objects.before { call in if call.operation == .put, call.bytes?.count ?? 0 > 15_000 { await door.pass() } }
        for source in large { source.commit() }
        try await fixture.shipping {
            try await becomesTrue("all large ones are cut, two are under way") { door.arrivals == 2 && large.allSatisfy { $0.cuts.count == 1 } }
            for source in small { source.commit(urgent: true) }
            try await becomesTrue("the small ones are shipped") { small.allSatisfy { $0.outcomes == [.published] } }
            door.open()
            try await becomesTrue("the large ones are shipped") { large.allSatisfy { $0.outcomes == [.published] } }
        }
    }
}
