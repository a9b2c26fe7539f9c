import Engines
import FleetModel
import Foundation
import Logging
import Metrics
import Synchronization

/// The copies on this node's disk of databases that it does not lead: each may be of use when it leads one of them again, and none is needed.
///
/// Above a high-water mark of the disk they are removed, those first that were not used for longest. Never one that is led here, being
/// restored, or not clean: what it holds may be published nowhere.
final class CopyCache: Sendable {
    private let environment: TenantEnvironment
    private let table: TenantTable
    private let settings: CopyCacheSettings
    private let logger: Logger
    /// Bytes that the disk has more of than it may.
    private let excess: @Sendable () -> Result<Int64, BerthError>
    private let removed = Counter(label: "berth_copies_removed_total")
    /// What was told of and has not ended since: it is told once.
    private let told = Mutex<Set<Complaint>>([])

    private enum Complaint: Hashable {
        case diskUnknown, nothingLeft
        case copy(DatabaseID)
    }

    /// - Parameter excess: bytes above the mark.
    init(
        _ environment: TenantEnvironment, table: TenantTable, settings: CopyCacheSettings, logger: Logger,
        excess: @escaping @Sendable () -> Result<Int64, BerthError>
    ) {
        self.environment = environment
        self.table = table
        self.settings = settings
        self.logger = logger
        self.excess = excess
    }

    /// Looks now and then, until cancelled.
    func run() async {
        while !Task.isCancelled {
            do throws(BerthError) {
                try await makeRoom()
                ended(.diskUnknown)
            } catch {
                tell(.diskUnknown, "copies not looked at", ["error": "\(error)"])
            }
            do { try await environment.clock.sleep(for: settings.interval) } catch { return }
        }
    }

    private func tell(_ complaint: Complaint, _ message: Logger.Message, _ metadata: Logger.Metadata) {
        guard told.withLock({ $0.insert(complaint).inserted }) else { return }
        logger.warning(message, metadata: metadata)
    }

    private func ended(_ complaint: Complaint) { told.withLock { _ = $0.remove(complaint) } }

    private struct Candidate: Sendable {
        var copy: LocalCopy
        var bytes: Int64
        var closedAt: Int64
    }

    /// A copy that cannot be looked at, or removed, is left out, and told of.
    ///
    /// - Returns: the databases of which copies were removed, in their order.
    /// - Throws: code `disk_unavailable` when it cannot be found out how full the disk is, or which copies there are.
    @discardableResult
    func makeRoom() async throws(BerthError) -> [DatabaseID] {
        var excess = try self.excess().get()
        guard excess > 0 else {
            ended(.nothingLeft)
            return []
        }
        var gone: [DatabaseID] = []
        for candidate in try await candidates() where excess > 0 {
            guard await remove(candidate.copy) else { continue }
            excess -= candidate.bytes
            gone.append(candidate.copy.database)
        }
        if !gone.isEmpty {
            removed.increment(by: Int64(gone.count))
            logger.notice("copies of databases that are led elsewhere were removed to make room", metadata: ["copies": "\(gone.count)"])
        }
        if excess > 0 {
            tell(.nothingLeft, "the disk is fuller than it should be, and no copy is left that could be removed", ["bytes": "\(excess)"])
        } else {
            ended(.nothingLeft)
        }
        return gone
    }

    /// Those that were closed first come first.
    private func candidates() async throws(BerthError) -> [Candidate] {
        try await environment.blockingWork.run { () throws(BerthError) in
            var found: [Candidate] = []
            for database in try LocalCopy.databases(in: self.environment.directory) where self.table[database] == nil {
                let copy = LocalCopy(database: database, in: self.environment.directory)
                do throws(BerthError) {
                    guard let state = try copy.cleanState() else { continue }
                    found.append(Candidate(copy: copy, bytes: state.bytes, closedAt: state.closedAt))
                } catch { self.tell(.copy(database), "a copy cannot be looked at; it stays", ["database": "\(database)", "error": "\(error)"]) }
            }
            return found.sorted { ($0.closedAt, $0.copy.database) < ($1.closedAt, $1.copy.database) }
        }
    }

    /// - Returns: whether it is gone. Not, when it has come into use meanwhile, or the disk does not allow it.
    private func remove(_ copy: LocalCopy) async -> Bool {
        do throws(BerthError) {
            // Whoever restores it, or opens it after it was acquired, has its turn before or afterwards.
            let isGone = try await environment.fileTurns.withTurn(on: copy.database) { () throws(BerthError) in
                try await environment.blockingWork.run { [table] () throws(BerthError) in
                    guard table[copy.database] == nil, try copy.cleanState() != nil else { return false }
                    try copy.remove()
                    return true
                }
            }
            ended(.copy(copy.database))
            return isGone
        } catch {
            tell(.copy(copy.database), "a copy cannot be removed; it stays", ["database": "\(copy.database)", "error": "\(error)"])
            return false
        }
    }
}

/// How full a node's disk may be before copies that nobody needs are removed.
public struct CopyCacheSettings: Sendable {
    /// Of the disk of the data directory, in percent of its size.
    public var highWaterPercent = 80
    /// How often it is looked at.
    public var interval: Duration = .seconds(60)

    public init() {}

    /// Bytes above the mark.
    func excess(of directory: String) -> Result<Int64, BerthError> {
        do throws(FileFailure) {
            let space = try DiskSpace(of: directory)
            return .success(space.usedBytes - space.totalBytes / 100 * Int64(highWaterPercent))
        } catch { return .failure(error.berthError) }
    }
}
