import EngineHost
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import Logging
import Metrics
import Replication
import Synchronization

/// Restores what is published of the databases this node leads, one at a time, from the bucket alone, opens and checks it: what a
/// failover would find is known before one needs it.
///
/// It has no part in serving: a folder of its own, one database at a time, few reads at once, and pauses in proportion to the bytes read.
final class BackupCheck: Sendable {
    private let environment: TenantEnvironment
    private let catalogue: any OpeningCatalogue
    private let table: TenantTable
    private let settings: BackupCheckSettings
    private let restorer: Restorer
    private let logger: Logger
    private let root: String
    private let state = Mutex(State())
    private let checks = Counter(label: "berth_backup_checks_total")
    private let failures = Counter(label: "berth_backup_check_failures_total")

    private struct State {
        /// What failed or was too large; not before this time again.
        var notBefore: [DatabaseID: Duration] = [:]
        /// The worst age, and when it was asked for.
        var age: (value: Duration, at: Duration)?
    }

    init(
        _ environment: TenantEnvironment, catalogue: any OpeningCatalogue, table: TenantTable, restorer: Restorer, settings: BackupCheckSettings,
        logger: Logger
    ) {
        self.environment = environment
        self.catalogue = catalogue
        self.table = table
        self.settings = settings
        self.restorer = restorer
        self.logger = logger
        root = environment.directory + "/check"
    }

    /// For how long something published has not been checked, of the database for which that is longest; `nil` until it is known.
    func worstAge(now: Duration) -> Duration? {
        state.withLock { state in state.age.map { $0.value == .zero ? .zero : $0.value + (now - $0.at) } }
    }

    /// Checks until cancelled.
    func run() async {
        // A former life may have ended in the middle of a check.
        try? FileManager.default.removeItem(atPath: root)
        var pause = settings.interval
        while !Task.isCancelled {
            do { try await environment.clock.sleep(for: pause) } catch { return }
            pause = settings.interval
            do {
                if environment.gate.isOpen { pause = max(pause, try await checkNext()) }
            } catch {
                logger.warning("backup not checked", metadata: ["error": "\(error)"])
            }
        }
    }

    /// - Returns: how long to rest, for what was read.
    private func checkNext() async throws(BerthError) -> Duration {
        let now = environment.clock.now()
        let age = try await catalogue.backupAge(by: environment.session.id)
        let resting = state.withLock { state in
            state.age = (age ?? .zero, now)
            state.notBefore = state.notBefore.filter { $0.value > now }
            return state.notBefore.keys.sorted()
        }
        guard let backup = try await catalogue.nextToVerify(by: environment.session.id, after: settings.age, except: resting) else { return .zero }
        guard backup.bytes <= settings.maximumBytes else {
            rest(backup.database)
            logger.warning(
                "backup not checked: it is larger than backup-check-bytes", metadata: ["database": "\(backup.database)", "bytes": "\(backup.bytes)"])
            return .zero
        }
        try await check(backup)
        return .seconds(Double(backup.bytes) / Double(settings.bytesPerSecond))
    }

    private func rest(_ database: DatabaseID) {
        let later = environment.clock.now() + settings.retry
        state.withLock { $0.notBefore[database] = later }
    }

    private func check(_ backup: UnverifiedBackup) async throws(BerthError) {
        let copy = LocalCopy(database: backup.database, in: root)
        let engine = try environment.engines.engine(backup.engine)
        let outcome: Result<Void, any Error>
        do {
            try copy.wipe()
            _ = try await restorer.bring(copy, to: backup.head, by: engine)
            try await environment.host.verify(copy.filePath, engine.kind)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        try copy.wipe()
        checks.increment()
        switch outcome {
        case .success: try await catalogue.reportVerified(backup.database, at: backup.head.seq, by: environment.session.id)
        case .failure(let error):
            rest(backup.database)
            guard var found = Tenant.unopenable(error, at: backup.head.seq) else {
                throw error as? BerthError ?? BerthError(.diskUnavailable, "A backup could not be checked: \(error)")
            }
            found.reason = found.reason.replacing(bytesOf: environment.directory + "/", with: "")
            failures.increment()
            logger.critical(
                "a backup does not open", metadata: ["database": "\(backup.database)", "seq": "\(found.seq)", "code": "\(found.code)", "reason": "\(found.reason)"])
            await table[backup.database]?.backupDoesNotOpen(found)
        }
    }
}

/// How much of a node the check of its backups may take.
public struct BackupCheckSettings: Sendable {
    /// Between two databases, at least.
    public var interval: Duration = .seconds(10)
    /// How long after a check that went well a database is not checked again.
    public var age: Duration = .seconds(3_600)
    /// How long after one that did not.
    public var retry: Duration = .seconds(600)
    /// Published bytes of a database beyond which it is not checked.
    public var maximumBytes: Int64 = 1 << 30
    /// Published bytes read, on average.
    public var bytesPerSecond: Int64 = 16 << 20
    /// Ranged reads that are under way at a time.
    public var parallelReads = 2

    public init() {}
}

extension Tenant {
    /// What the bucket has of it does not open. Whoever has it open can still publish it anew, whole, with an empty log.
    func backupDoesNotOpen(_ found: UnopenableState) {
        let (isServing, isClosed) = machine.withLock { ($0.isServing, $0.isClosed) }
        if isServing {
            environment.reporter.report(self.database, .unopenable(found, isServed: true), in: epoch)
            guard found.code != BerthError.Code.dataCorrupt.rawValue, tell({ $0.publishAnew() }) else { return }
            environment.shipper.markDirty(self)
        } else if isClosed {
            // It is found out now, and not by the next request.
            Task { try await self.open() }
        }
    }
}
