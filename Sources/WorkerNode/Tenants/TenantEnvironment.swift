import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import Metrics
import Replication

/// What all databases of a node share: one object, since each of thousands has it.
final class TenantEnvironment: Sendable {
    let session: NewSession
    let gate: SessionGate
    let leases: any LeaseStore
    let shipper: Shipper
    let restorer: Restorer
    /// For changesets that lie in files until they are published.
    let spoolBudget: ByteBudget
    let host: any EngineHost
    /// Where tenants decide; engines run in the host.
    let pool: EnginePool
    let blockingWork: BlockingWork
    let engines: EngineSet
    let settings: TenantSettings
    let clock: any FleetClock
    let directory: String
    let openTenants = OpenTenants()
    let closing = ClosingFiles()
    /// Databases whose acknowledgements have deadlines to watch.
    let attention = AttentionSet()
    let fileTurns = FileTurns()
    let reporter = OpeningReporter()
    let logger: Logger
    let metrics = TenantMetrics()

    init(
        session: NewSession, gate: SessionGate, leases: any LeaseStore, shipper: Shipper, restorer: Restorer, spoolBudget: ByteBudget, host: any EngineHost, pool: EnginePool,
        blockingWork: BlockingWork, engines: EngineSet, settings: TenantSettings, clock: any FleetClock, directory: String, logger: Logger
    ) {
        self.session = session
        self.gate = gate
        self.leases = leases
        self.shipper = shipper
        self.restorer = restorer
        self.spoolBudget = spoolBudget
        self.host = host
        self.pool = pool
        self.blockingWork = blockingWork
        self.engines = engines
        self.settings = settings
        self.clock = clock
        self.directory = directory
        self.logger = logger
    }
}

struct TenantMetrics: Sendable {
    let openings = Counter(label: "berth_database_openings_total")
    let openSeconds = Timer(label: "berth_database_open_seconds")
    let handovers = Counter(label: "berth_handovers_total")
    let handoverSeconds = Timer(label: "berth_handover_pause_seconds")
    let lost = Counter(label: "berth_leases_lost_total")
    let acquired = Counter(label: "berth_leases_acquired_total")
    let captureFailures = Counter(label: "berth_capture_failures_total")
    let closedForRoom = Counter(label: "berth_databases_closed_for_room_total")
    let openingsRefused = Counter(label: "berth_openings_refused_total")
}
