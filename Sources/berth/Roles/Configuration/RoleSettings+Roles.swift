import EngineHost
import Engines
import FleetManager
import FleetModel
import FleetStore
import Hrana
import Leases
import Replication
import WorkerNode

/// The settings of each role: one line per setting, with what is possible.
extension RoleSettings {
    /// What this process was told the TTL is, which is the fleet's to say; `nil` when it was told nothing.
    func ownLeaseTTL() throws(BerthError) -> Duration? {
        guard string("lease-ttl-ms") != nil else { return nil }
        let range = FleetSettings.leaseTTLMilliseconds
        return try milliseconds("lease-ttl-ms", in: Int(range.lowerBound)...Int(range.upperBound), default: .zero)
    }

    func manager(_ timing: LeaseTiming) throws(BerthError) -> ManagerSettings {
        var manager = ManagerSettings()
        manager.pollInterval = try milliseconds(
            "manager-poll-ms", in: 10...60_000, default: min(manager.pollInterval, timing.ttl / 20))
        manager.absenceGrace = try milliseconds("absence-grace-ms", in: 100...86_400_000, default: manager.absenceGrace)
        manager.firstChance = try milliseconds("first-chance-ms", in: 0...500, default: manager.firstChance)
        manager.drainParallelism = try int("drain-parallelism", in: 1...10_000, default: manager.drainParallelism)
        manager.handoverTimeout = try milliseconds("handover-timeout-ms", in: 100...600_000, default: manager.handoverTimeout)
        manager.moveTimeout = try milliseconds("move-timeout-ms", in: 100...86_400_000, default: manager.moveTimeout)
        manager.sweepGrace = try milliseconds("sweep-grace-ms", in: 1_000...864_000_000, default: manager.sweepGrace)
        manager.sweepInterval = try milliseconds("sweep-interval-ms", in: 100...86_400_000, default: manager.sweepInterval)
        try require(
            ("manager-poll-ms", manager.pollInterval), below: ("lease-ttl-ms", timing.ttl), "silent sessions would be noticed late")
        try require(
            ("handover-timeout-ms", manager.handoverTimeout), upTo: ("move-timeout-ms", manager.moveTimeout),
            "a move would be taken back before its holder was given its time")
        return manager
    }

    func worker() throws(BerthError) -> WorkerSettings {
        var worker = WorkerSettings()
        worker.shipper = try shipper()
        worker.engine.threads = try int("engine-threads", in: 1...1_024, default: worker.engine.threads)
        worker.engine.longThreads = try int("engine-long-threads", in: 0...1_024, default: worker.engine.longThreads)
        worker.engine.share = try int("engine-threads-per-database", in: 1...1_024, default: worker.engine.share)
        worker.engine.budget = try milliseconds("long-statement-ms", in: 1...60_000, default: worker.engine.budget)
        worker.reconcileInterval = try milliseconds("reconcile-interval-ms", in: 50...600_000, default: worker.reconcileInterval)
        worker.parallelHandovers = try int("parallel-handovers", in: 1...10_000, default: worker.parallelHandovers)
        worker.tenants.maximumShipLag = try milliseconds("max-ship-lag-ms", in: 10...3_600_000, default: worker.tenants.maximumShipLag)
        worker.tenants.drainTimeout = try milliseconds("drain-timeout-ms", in: 0...600_000, default: worker.tenants.drainTimeout)
        worker.tenants.streamTimeout = try milliseconds("stream-timeout-ms", in: 100...600_000, default: worker.tenants.streamTimeout)
        worker.tenants.idleTransactionTimeout = try milliseconds(
            "idle-transaction-timeout-ms", in: 10...600_000, default: worker.tenants.idleTransactionTimeout)
        worker.tenants.upkeepTimeout = try milliseconds("upkeep-timeout-ms", in: 1_000...86_400_000, default: worker.tenants.upkeepTimeout)
        worker.tenants.statementTimeout = try milliseconds("statement-timeout-ms", in: 10...86_400_000, default: worker.tenants.statementTimeout)
        worker.tenants.requestTimeout = try milliseconds(
            "request-timeout-ms", in: 10...86_400_000, default: max(worker.tenants.requestTimeout, worker.tenants.statementTimeout))
        worker.tenants.writeTurnTimeout = try milliseconds("write-turn-timeout-ms", in: 10...600_000, default: worker.tenants.writeTurnTimeout)
        worker.tenants.publishTimeout = try milliseconds("publish-timeout-ms", in: 100...600_000, default: worker.tenants.publishTimeout)
        worker.tenants.cursorTimeout = try milliseconds("cursor-timeout-ms", in: 100...3_600_000, default: worker.tenants.cursorTimeout)
        worker.tenants.responseBytes = try int(
            "response-bytes", in: 4_096...(1 << 30), default: worker.tenants.responseBytes)
        worker.tenants.maximumStreams = try int("streams-per-database", in: 1...100_000, default: worker.tenants.maximumStreams)
        worker.tenants.maximumRestingStreams = try int(
            "resting-streams-per-database", in: 2...1_000_000, default: worker.tenants.maximumRestingStreams)
        worker.tenants.checkpointBytes = try checkpointBytes()
        worker.tenants.heldLogBytes = try int("held-log-bytes", in: 4_096...(1 << 40), default: worker.tenants.heldLogBytes)
        worker.tenants.heldLogTimeout = try milliseconds("held-log-timeout-ms", in: 100...86_400_000, default: worker.tenants.heldLogTimeout)
        worker.tenants.changesetMemoryBytes = try int("changeset-memory-bytes", in: 1 << 16...1 << 30, default: worker.tenants.changesetMemoryBytes)
        worker.tenants.groupRequests = try int("group-requests", in: 1...100_000, default: worker.tenants.groupRequests)
        worker.tenants.groupStatements = try int("group-statements", in: 1...1_000_000, default: worker.tenants.groupStatements)
        worker.tenants.groupReads = try int("group-reads", in: 1...1_000_000, default: worker.tenants.groupReads)
        worker.tenants.readers = try int("database-readers", in: 0...256, default: worker.tenants.readers)
        worker.tenants.readerIdleTimeout = try milliseconds("reader-idle-ms", in: 100...86_400_000, default: worker.tenants.readerIdleTimeout)
        worker.tenants.groupResponseBytes = try int(
            "group-response-bytes", in: 4_096...(1 << 30), default: worker.tenants.groupResponseBytes)
        worker.tenants.cursorPieceBytes = try int("cursor-piece-bytes", in: 4_096...(1 << 26), default: worker.tenants.cursorPieceBytes)
        worker.tenants.cursorEndLine = try flag("cursor-end-line", default: worker.tenants.cursorEndLine)
        worker.tenants.groupTime = try milliseconds("group-time-ms", in: 1...60_000, default: worker.tenants.groupTime)
        worker.tenants.idleTimeout = try milliseconds("idle-timeout-ms", in: 100...86_400_000, default: worker.tenants.idleTimeout)
        worker.restoreReadBytes = UInt64(try int("restore-read-bytes", in: 1 << 16...1 << 34, default: Int(worker.restoreReadBytes)))
        worker.copyCache.highWaterPercent = try int("copies-high-water-percent", in: 1...100, default: worker.copyCache.highWaterPercent)
        worker.copyCache.interval = try milliseconds("copies-interval-ms", in: 100...86_400_000, default: worker.copyCache.interval)
        worker.restoreMemoryBytes = UInt64(try int("restore-memory-bytes", in: 1 << 20...1 << 36, default: Int(worker.restoreMemoryBytes)))
        worker.spoolBytes = UInt64(try int("spool-bytes", in: 1 << 20...1 << 50, default: Int(worker.spoolBytes)))
        worker.databaseDescriptors = try databaseDescriptors(of: DescriptorLimit.current)
        worker.endTimeout = try milliseconds("end-timeout-ms", in: 100...600_000, default: worker.endTimeout)
        worker.shutdownTimeout = try milliseconds("shutdown-timeout-ms", in: 100...3_600_000, default: worker.shutdownTimeout)
        worker.tenants.unopenableRetry = try milliseconds(
            "unopenable-retry-ms", in: 1_000...86_400_000, default: worker.tenants.unopenableRetry)
        worker.tenants.checkpointRetry = try milliseconds("checkpoint-retry-ms", in: 100...3_600_000, default: worker.tenants.checkpointRetry)
        worker.tenants.disk = try disk()
        worker.backupCheck = try backupCheck()
        try checkRelations(of: worker)
        return worker
    }

    private func shipper() throws(BerthError) -> ShipperSettings {
        var shipper = ShipperSettings()
        shipper.interval = try milliseconds("ship-interval-ms", in: 1...60_000, default: shipper.interval)
        shipper.maximumBundleBytes = try int("bundle-bytes", in: 4_096...(1 << 30), default: shipper.maximumBundleBytes)
        shipper.parallelBundles = try int("parallel-bundles", in: 1...64, default: shipper.parallelBundles)
        shipper.largeChangesetBytes = try int("large-changeset-bytes", in: 4_096...(1 << 30), default: shipper.largeChangesetBytes)
        shipper.parallelLargeBundles = try int("parallel-large-bundles", in: 1...64, default: shipper.parallelLargeBundles)
        shipper.parallelCuts = try int("parallel-cuts", in: 1...10_000, default: shipper.parallelCuts)
        shipper.cutPatience = try milliseconds("cut-patience-ms", in: 1...60_000, default: shipper.cutPatience)
        shipper.maximumWaitingBytes = try int("waiting-changeset-bytes", in: 4_096...(1 << 40), default: shipper.maximumWaitingBytes)
        return shipper
    }

    /// How large objects go to a bucket on S3.
    func uploads() throws(BerthError) -> (partBytes: Int, parallelParts: Int, minimumBytesPerSecond: Int) {
        // S3 takes parts from 5 MiB to 5 GiB.
        (
            try int("upload-part-bytes", in: (5 << 20)...(5 << 30), default: 8 << 20),
            try int("upload-parallel-parts", in: 1...64, default: 2),
            try int("bucket-bytes-per-second", in: 1_024...(1 << 40), default: 64 << 10)
        )
    }

    /// The other half is for connections of clients, of which each takes one, and for restores.
    func databaseDescriptors(of limit: Int) throws(BerthError) -> Int {
        let given = try int("database-descriptors", in: 8...(1 << 24), default: max(8, limit / 2))
        guard given + DescriptorLimit.reserve <= limit || string("database-descriptors") == nil else {
            throw BerthError(
                .configurationInvalid,
                "“database-descriptors” (\(given)) must be at least \(DescriptorLimit.reserve) less than what this process may open (\(limit)): "
                    + "raise that limit (`LimitNOFILE` of systemd, `ulimit -n`), or give less.")
        }
        return given
    }

    private func backupCheck() throws(BerthError) -> BackupCheckSettings {
        var check = BackupCheckSettings()
        check.interval = try milliseconds("backup-check-interval-ms", in: 10...86_400_000, default: check.interval)
        check.age = try milliseconds("backup-check-age-ms", in: 0...2_592_000_000, default: check.age)
        check.retry = try milliseconds("backup-check-retry-ms", in: 100...86_400_000, default: check.retry)
        check.maximumBytes = try bytes("backup-check-bytes", in: 0...(1 << 40), default: check.maximumBytes)
        check.bytesPerSecond = try bytes("backup-check-bytes-per-second", in: 4_096...(1 << 40), default: check.bytesPerSecond)
        return check
    }

    private func checkRelations(of worker: WorkerSettings) throws(BerthError) {
        let tenants = worker.tenants
        try require(
            ("ship-interval-ms", worker.shipper.interval), below: ("max-ship-lag-ms", tenants.maximumShipLag),
            "writes would be pushed back although the bucket is as fast as it should be")
        try require(
            ("ship-interval-ms", worker.shipper.interval), below: ("publish-timeout-ms", tenants.publishTimeout),
            "no write of a `bucket` database could be acknowledged in time")
        try require(
            ("cut-patience-ms", worker.shipper.cutPatience), below: ("max-ship-lag-ms", tenants.maximumShipLag),
            "writes would be pushed back while the shipper waits for a database that is busy")
        try require(
            ("statement-timeout-ms", tenants.statementTimeout), upTo: ("request-timeout-ms", tenants.requestTimeout),
            "a request would end before its first statement may")
        try require(
            ("cursor-piece-bytes", tenants.cursorPieceBytes), upTo: ("response-bytes", tenants.responseBytes),
            "a piece would be larger than a whole answer may be")
        try require(
            ("group-response-bytes", tenants.groupResponseBytes), upTo: ("response-bytes", tenants.responseBytes),
            "requests in a shared transaction could answer more than others")
    }

    typealias Named<Value> = (name: String, value: Value)

    /// - Throws: `configuration_invalid` unless `lesser` is less than `greater`.
    func require(
        _ lesser: Named<Duration>, below greater: Named<Duration>, _ otherwise: String
    ) throws(BerthError) {
        guard lesser.value >= greater.value else { return }
        throw BerthError(
            .configurationInvalid,
            "“\(lesser.name)” (\(lesser.value.milliseconds)) must be less than “\(greater.name)” (\(greater.value.milliseconds)), or \(otherwise).")
    }

    func require(
        _ lesser: Named<Duration>, upTo greater: Named<Duration>, _ otherwise: String
    ) throws(BerthError) {
        try require((lesser.name, Int(lesser.value.milliseconds)), upTo: (greater.name, Int(greater.value.milliseconds)), otherwise)
    }

    /// - Throws: `configuration_invalid` when `lesser` is greater than `greater`.
    func require(_ lesser: Named<Int>, upTo greater: Named<Int>, _ otherwise: String) throws(BerthError) {
        guard lesser.value > greater.value else { return }
        throw BerthError(
            .configurationInvalid,
            "“\(lesser.name)” (\(lesser.value)) must not be greater than “\(greater.name)” (\(greater.value)), or \(otherwise).")
    }

    /// The engines of this machine.
    ///
    /// - Parameter disk: whether the disk of their files has room.
    func engines(disk: DiskRoom) throws(BerthError) -> EngineSet {
        var engines = EngineSet([SQLiteEngine(options: try sqlite(), disk: disk)])
        let duckdb = try self.duckdb()
        // Optional: without it the others run on.
        do throws(BerthError) {
            engines.add(DuckDBEngine(library: try DuckDBLibrary.load(path: string("duckdb-library")), options: duckdb, disk: disk))
        } catch {
            engines.miss(.duckdb, error)
        }
        return engines
    }

    func sqlite() throws(BerthError) -> SQLiteOptions {
        var options = SQLiteOptions()
        options.maximumBytes = try bytes("database-bytes", in: 65_536...(1 << 40), default: options.maximumBytes)
        // A copy for VACUUM, or a sort of everything there is.
        options.maximumTemporaryFileBytes = try bytes("sqlite-temporary-bytes", in: 65_536...(1 << 40), default: options.maximumBytes)
        // A log is emptied when it has become longer than `checkpoint-bytes`.
        options.freeLogBytes = 2 * Int64(try checkpointBytes())
        return options
    }

    func duckdb() throws(BerthError) -> DuckDBOptions {
        var options = DuckDBOptions()
        options.maximumBytes = try bytes("database-bytes", in: 65_536...(1 << 40), default: options.maximumBytes)
        options.memoryBytes = try bytes("duckdb-memory-bytes", in: (16 << 20)...(1 << 40), default: options.memoryBytes)
        options.maximumTemporaryBytes = try bytes(
            "duckdb-temporary-bytes", in: 0...(1 << 40), default: options.maximumTemporaryBytes)
        options.threads = try int("duckdb-threads", in: 1...1_024, default: options.threads)
        return options
    }

    private func checkpointBytes() throws(BerthError) -> Int {
        try int("checkpoint-bytes", in: 4_096...(1 << 40), default: HostSettings().checkpointBytes)
    }

    private func disk() throws(BerthError) -> DiskLimits {
        var disk = DiskLimits()
        disk.highWaterPercent = try int("disk-high-water-percent", in: 1...100, default: disk.highWaterPercent)
        disk.lowWaterPercent = try int(
            "disk-low-water-percent", in: 1...100, default: min(disk.lowWaterPercent, disk.highWaterPercent))
        disk.minimumFreeBytes = try bytes("disk-free-bytes", in: 0...(1 << 50), default: disk.minimumFreeBytes)
        disk.interval = try milliseconds("disk-interval-ms", in: 1...60_000, default: disk.interval)
        try require(
            ("disk-low-water-percent", disk.lowWaterPercent), upTo: ("disk-high-water-percent", disk.highWaterPercent),
            "a disk would never have room again")
        return disk
    }

    private func bytes(_ name: String, in range: ClosedRange<Int>, default value: Int64) throws(BerthError) -> Int64 {
        Int64(try int(name, in: range, default: Int(value)))
    }
}
