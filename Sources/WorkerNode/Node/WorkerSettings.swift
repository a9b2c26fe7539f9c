public import Engines
import FleetModel
public import Replication

public struct WorkerSettings: Sendable {
    public var shipper = ShipperSettings()
    public var tenants = TenantSettings()
    /// How often intent and fact are compared when no hint comes.
    public var reconcileInterval: Duration = .seconds(2)
    /// Leases acquired by one statement.
    public var acquireBatch = 500
    /// Databases copied from the bucket at a time, ahead of taking them over.
    public var parallelPreparations = 16
    /// Databases handed over at a time.
    public var parallelHandovers = 32
    /// How long a holder may be unable to serve before it gives the lease up.
    public var unableToServeLimit: Duration = .seconds(30)
    public var backupCheck = BackupCheckSettings()
    public var copyCache = CopyCacheSettings()
    /// Threads on which databases' leases, acknowledgements and shipping are decided.
    public var tenantThreads = 2
    /// Threads on which engines run, and how databases share them.
    public var engine = EnginePool.Limits(threads: 4)
    /// Descriptors of the process that the files of open databases may take together; with more, those nobody uses are closed.
    public var databaseDescriptors = Int.max
    /// Bytes of changesets that one restore reads at a time, unless a single changeset is larger.
    public var restoreReadBytes: UInt64 = 32 << 20
    /// Bytes of changesets that all restores of the node together read at a time.
    public var restoreMemoryBytes: UInt64 = 128 << 20
    /// Bytes of changesets on their way that lie in files of the spool folder, with those of their bundles, unless a single one is larger.
    public var spoolBytes: UInt64 = 8 << 30
    /// How long a graceful stop may take until what is not published then is kept on the disk, or given up.
    public var shutdownTimeout: Duration = .seconds(20)
    /// How long what is open may take to be closed once the session is over. Then the process ends, whatever hangs.
    public var endTimeout: Duration = .seconds(5)
    /// A graceful stop gives up what it cannot publish: others may take those databases over at once, without it.
    public var stopsByForce = false

    public init() {}
}
