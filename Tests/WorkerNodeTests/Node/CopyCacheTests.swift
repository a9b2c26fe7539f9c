import BerthTestKit
import Engines
import FleetModel
import FleetStore
import Foundation
import Synchronization
import Testing

@testable import WorkerNode

/// Copies that are removed when the disk is too full, and those that never are.
@Suite(.timeLimit(.minutes(1)))
struct CopyCacheTests {
    private let stores: TestStores
    private let excess = Excess()

    private final class Excess: Sendable {
        let bytes = Mutex<Int64>(.max / 2)
    }

    init() throws { stores = try TestStores() }

    private func cache(_ host: TenantHost, _ table: TenantTable = TenantTable()) -> CopyCache {
        CopyCache(host.environment, table: table, settings: CopyCacheSettings(), logger: .test) { [excess] in .success(excess.bytes.withLock { $0 }) }
    }

    /// A copy that is closed clean, as of `time`, in seconds.
    private func leave(_ host: TenantHost, bytes: Int = 4_096, closedAt time: Int) throws -> LocalCopy {
        let copy = LocalCopy(database: .random(), in: host.environment.directory)
        try copy.markDirty()
        try Data(repeating: 1, count: bytes).write(to: URL(filePath: copy.filePath))
        try copy.markClean(at: ChainPosition(seq: 3, checksum: 9), copy: .random())
        for name in try FileManager.default.contentsOfDirectory(atPath: copy.directory) {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: Double(time))], ofItemAtPath: "\(copy.directory)/\(name)")
        }
        return copy
    }

    private func isThere(_ copy: LocalCopy) -> Bool { FileManager.default.fileExists(atPath: copy.directory) }

    @Test func nothingIsRemovedWhileThereIsRoom() async throws {
        try await TenantHost.with(stores) { host in
            let copy = try leave(host, closedAt: 1)
            excess.bytes.withLock { $0 = 0 }
            #expect(try await cache(host).makeRoom().isEmpty)
            #expect(isThere(copy))
        }
    }

    @Test func thoseThatWereNotUsedForLongestGoFirstAndNoMoreThanNeeded() async throws {
        try await TenantHost.with(stores) { host in
            let copies = [try leave(host, bytes: 1 << 20, closedAt: 300), try leave(host, bytes: 1 << 20, closedAt: 100), try leave(host, bytes: 1 << 20, closedAt: 200)]
            excess.bytes.withLock { $0 = 1_500_000 }
            #expect(try await cache(host).makeRoom() == [copies[1].database, copies[2].database])
            #expect(isThere(copies[0]) && !isThere(copies[1]) && !isThere(copies[2]))
        }
    }

    /// What is led here, what is open or was left by a crash, and what was set aside for people.
    @Test func whatMayHoldMoreThanIsPublishedIsNeverRemoved() async throws {
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores) { host in
            let tenant = try await host.lead(record)
            let table = TenantTable()
            table.insert(tenant)
            try await tenant.client.execute("CREATE TABLE t (v)")
            let open = tenant.copy
            let dirty = try leave(host, closedAt: 1)
            try dirty.markDirty()
            let aside = try leave(host, closedAt: 2)
            try FileManager.default.createDirectory(atPath: aside.directory + "/aside", withIntermediateDirectories: false)
            #expect(try await cache(host, table).makeRoom().isEmpty)
            #expect(isThere(open) && isThere(dirty) && isThere(aside))
            // Closed, and still led: it is likely to be asked for next.
            try await becomesTrue("it is closed, idle") {
                stores.clock.advance(by: .milliseconds(100))
                return await tenant.closeIfIdle(before: stores.clock.now() + .seconds(1))
            }
            #expect(try open.mark() != nil)
            #expect(try await cache(host, table).makeRoom().isEmpty)
            #expect(isThere(open))
            // Led elsewhere it is one like all others.
            table.remove(tenant)
            #expect(try await cache(host, table).makeRoom() == [record.id])
        }
    }

    /// Acquired while it was about to be removed.
    @Test func oneThatComesIntoUseMeanwhileStays() async throws {
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores) { host in
            let tenant = try await host.lead(record)
            let table = TenantTable(), copy = LocalCopy(database: record.id, in: host.environment.directory)
            try copy.markDirty()
            try copy.markClean(at: .origin, copy: .random())
            let isRestoring = Latch(), mayEnd = Latch()
            let restoring = Task {
                try await host.environment.fileTurns.withTurn(on: record.id) { () throws(BerthError) in
                    isRestoring.open()
                    await mayEnd.pass()
                }
            }
            await isRestoring.pass()
            let removing = Task { try await cache(host, table).makeRoom() }
            // It has found the copy, and waits for its turn.
            try await becomesTrue("it waits") { host.environment.fileTurns.waiters(on: record.id) == 1 }
            table.insert(tenant)
            mayEnd.open()
            try await restoring.value
            #expect(try await removing.value.isEmpty)
            #expect(isThere(copy))
        }
    }

    @Test func aDiskThatCannotBeAskedIsSaid() throws {
        #expect(throws: BerthError.self) { _ = try CopyCacheSettings().excess(of: stores.disk.path + "/nowhere").get() }
        var none = CopyCacheSettings()
        none.highWaterPercent = 100
        let excess = try none.excess(of: "/").get()
        #expect(excess <= 0)
    }
}
