import Changesets
import Crypto
import Engines
import FleetModel
import Logging
import Metrics

/// What all databases of a host share.
struct HostEnvironment: Sendable {
    let pool: EnginePool
    let blockingWork: BlockingWork
    let settings: HostSettings
    let clock: any FleetClock
    /// Whether work may begin: the lease of whoever owns the databases is confirmed.
    let isGateOpen: @Sendable () -> Bool
    let files: OpenFiles
    let watch: any ExecutionWatch
    /// Authenticates batons; new in every host, so a baton never outlives the stream it names.
    let batonKey = SymmetricKey(size: .bits256)
    /// Databases whose streams or waiters have deadlines to watch.
    let attention = AttentionSet()
    let open = OpenDatabases()
    /// When a changeset lies in a file; `nil` for never.
    let spool: SpoolRule?
    let logger: Logger
    let metrics = HostMetrics()

    /// On the clock, for the deadlines of statements.
    var now: BootInstant { clock.instant() }

    func batonTag(_ bytes: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: bytes, using: batonKey))
    }
}

struct HostMetrics: Sendable {
    let statements = Counter(label: "berth_statements_total")
    let failedCheckpoints = Counter(label: "berth_checkpoint_failures_total")
    let endedReads = Counter(label: "berth_held_log_reads_ended_total")
    let connectionsRefused = Counter(label: "berth_openings_refused_total")
    let pushedBack = Counter(label: "berth_writes_pushed_back_total")
    let refusedBySize = Counter(label: "berth_writes_refused_by_size_total")
    let refusedByDisk = Counter(label: "berth_writes_refused_by_disk_total")
}
