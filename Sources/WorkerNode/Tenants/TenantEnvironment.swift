import Changesets
import Crypto
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Metrics
import Replication

/// What all databases of a node share.
struct TenantEnvironment: Sendable {
    let session: NewSession
    let gate: SessionGate
    let leases: any LeaseStore
    let shipper: Shipper
    let restorer: Restorer
    let pool: EnginePool
    let blockingWork: BlockingWork
    let engines: EngineSet
    let settings: TenantSettings
    let clock: any FleetClock
    let directory: String
    var openFiles = OpenFiles()
    /// Authenticates batons; new in every process, so a baton never outlives the stream it names.
    let batonKey = SymmetricKey(size: .bits256)
    /// Databases whose streams or waiters have deadlines to watch.
    let attention = AttentionSet()
    let fileTurns = FileTurns()
    let reporter = OpeningReporter()
    let logger: Logger
    let metrics = TenantMetrics()

    func batonTag(_ bytes: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: bytes, using: batonKey))
    }
}

struct TenantMetrics: Sendable {
    let statements = Counter(label: "berth_statements_total")
    let openings = Counter(label: "berth_database_openings_total")
    let openSeconds = Timer(label: "berth_database_open_seconds")
    let handovers = Counter(label: "berth_handovers_total")
    let handoverSeconds = Timer(label: "berth_handover_pause_seconds")
    let lost = Counter(label: "berth_leases_lost_total")
    let acquired = Counter(label: "berth_leases_acquired_total")
    let failedCheckpoints = Counter(label: "berth_checkpoint_failures_total")
    let captureFailures = Counter(label: "berth_capture_failures_total")
    let closedForRoom = Counter(label: "berth_databases_closed_for_room_total")
    let openingsRefused = Counter(label: "berth_openings_refused_total")
    let pushedBack = Counter(label: "berth_writes_pushed_back_total")
}
