import FleetModel
import Logging
import Metrics
import Synchronization
import Telemetry

/// Logs and metrics of this process.
struct Observability: Sendable {
    let registry: PrometheusRegistry
    let logger: Logger

    /// Sets the process up. Once per process.
    init(_ settings: RoleSettings, label: String) throws(BerthError) {
        let output = try settings.logOutput()
        output.bootstrap()
        logger = output.logger(label: label)
        registry = PrometheusRegistry()
        for (name, help) in Self.help { registry.describe(name: name, help: help) }
        MetricsSystem.bootstrap(registry)
    }

    /// Adds values that are read when somebody looks.
    func observe(_ gauges: @escaping @Sendable () -> [(name: String, value: Double)]) {
        registry.collect { scrape in for gauge in gauges() { scrape.gauge(gauge.name, gauge.value) } }
    }

    private static let help: [(String, String)] = [
        ("berth_leases_held", "Leases this node holds."),
        ("berth_leases_acquired_total", "Leases this node acquired."),
        ("berth_leases_lost_total", "Leases that another session took over."),
        ("berth_lease_gate_open", "Whether this node may acknowledge writes: 1 while its session is renewed in time."),
        ("berth_session_renewal_age_seconds", "How long ago the last renewal of this process's session that succeeded was sent. At the TTL others take over."),
        ("berth_databases_open", "Databases whose files are open."),
        ("berth_database_descriptors", "File descriptors that open databases may take at the moment."),
        ("berth_database_descriptors_limit", "How many they may take together; the longest unused are closed to make room."),
        ("berth_databases_closed_for_room_total", "Databases closed so that another could be opened."),
        ("berth_openings_refused_total", "Openings refused because every descriptor was taken by a database in use."),
        ("berth_database_openings_total", "Databases opened, from the local copy or the bucket."),
        ("berth_database_open_seconds", "Time to open a database, restoring included."),
        ("berth_databases_unopenable", "Databases this node leads of which what is published does not open."),
        ("berth_checkpoint_failures_total", "Checkpoints that failed; each is tried again."),
        ("berth_copies_removed_total", "Local copies of databases led elsewhere that were removed to make room."),
        ("berth_disk_free_bytes", "Bytes that are free where this node's data directory is; -1 when that cannot be found out."),
        ("berth_disk_size_bytes", "Bytes of the file system of this node's data directory; -1 when that cannot be found out."),
        ("berth_disk_low", "Whether the disk is so full that nothing may grow on it (`disk-high-water-percent`, `disk-free-bytes`)."),
        ("berth_spool_bytes", "Bytes that are taken in the spool folder by large changesets on their way; at `spool-bytes` further ones wait."),
        ("berth_writes_refused_by_disk_total", "Statements refused because of that."),
        ("berth_writes_refused_by_size_total", "Statements refused because their database has reached its size, with its log and its temporary files."),
        ("berth_held_log_reads_ended_total", "Reads that were ended because they kept a log from being emptied."),
        ("berth_engine_hosts", "Processes that run engines for this node."),
        ("berth_engine_host_deaths_total", "Of them, those that ended although they were needed, by cause: crash, watchdog (a statement went on after its time), memory, bloated (it kept memory that nothing was using), stalled, misspoke, killed, exited, not_started."),
        ("berth_engine_host_resident_bytes", "Resident memory of all engine hosts together."),
        ("berth_engine_host_largest_bytes", "Resident memory of the largest engine host; at `host-memory-bytes` it is ended."),
        ("berth_databases_quarantined", "Databases that are not opened for some time because hosts ended while they ran their statements."),
        ("berth_backup_verified_age_seconds", "For how long something published has not been restored and checked, of the database for which that is longest; -1 before it is known."),
        ("berth_backup_checks_total", "Databases restored from the bucket in order to check them."),
        ("berth_backup_check_failures_total", "Of those, how many did not open or were damaged."),
        ("berth_ship_lag_seconds", "Age of the oldest commit that is not in the bucket, over all databases of this node."),
        ("berth_ship_bundles_total", "Bundles stored and published."),
        ("berth_ship_entries_total", "Changesets published."),
        ("berth_ship_bytes_total", "Bytes of published bundles."),
        ("berth_ship_failures_total", "Attempts to store or publish a bundle that failed and were repeated."),
        ("berth_ship_late_cuts_total", "Changesets that came too late for the bundle they were asked for, because their database was busy."),
        ("berth_ship_bundles_under_way", "Bundles that are being stored and published."),
        ("berth_ship_refused_databases", "Databases of which the lease store refuses a changeset for what it is; it is tried again, alone."),
        ("berth_capture_failures_total", "Captures of new commits that failed and are repeated; writes are pushed back meanwhile."),
        ("berth_ship_publish_seconds", "Time of one publish statement."),
        ("berth_writes_pushed_back_total", "Writes refused because shipping was too far behind."),
        ("berth_statements_total", "SQL statements executed."),
        ("berth_handovers_total", "Databases handed to another node."),
        ("berth_handover_pause_seconds", "Time from the last request served to the lease being the successor's."),
        ("berth_restores_total", "Databases restored whole from the bucket."),
        ("berth_restore_bytes_total", "Bytes read from the bucket by restores."),
        ("berth_reconcile_age_seconds", "Time since this node last compared intent and fact; -1 before the first time."),
        ("berth_manager_leading", "Whether this manager leads."),
        ("berth_nodes_live", "Nodes with a live session."),
        ("berth_databases_of_unknown_kind", "Databases of an engine or durability this manager is too old for; it does not fail them over."),
        ("berth_store_synchronous_standby", "Whether Postgres waits for a standby before it confirms a commit, when this process started."),
        ("berth_failovers_total", "Databases placed anew because their node was gone."),
        ("berth_sessions_ended_total", "Sessions ended because they were silent."),
        ("berth_operations_total", "Operations that finished."),
        ("berth_bundles_swept_total", "Bundles deleted because they were stored and never published."),
        ("berth_requests_total", "Requests of the data protocols by outcome."),
        ("berth_request_seconds", "Time of requests of the data protocols."),
        ("berth_door_connections_open", "Connections of clients and of other nodes."),
        ("berth_door_connections_refused_total", "Connections there was no room for: in all, or of their address."),
        ("berth_door_connections_ended_total", "Connections ended from this side, by what their clients did not do in time or why there was no room."),
        ("berth_door_requests_refused_total", "Requests refused because those of their database, or of all, hold as much as they may."),
        ("berth_door_body_bytes", "Bytes of the bodies of requests that arrive, wait or are carried out."),
        ("berth_door_answer_bytes", "Bytes of answers that wait for clients that are behind."),
        ("berth_gateway_waiting", "Requests that wait for a leader."),
        ("berth_gateway_forwards_total", "Requests passed to another node."),
        ("berth_routes_cached", "Routes this gateway knows."),
        ("berth_admin_requests_total", "Requests of the admin API."),
        ("berth_admin_request_seconds", "Time of requests of the admin API."),
        ("berth_object_store_requests_total", "Requests to the object store by operation and result."),
        ("berth_object_store_request_seconds", "Time of requests to the object store."),
        ("berth_object_store_circuit_open", "Whether requests to the object store are held back: 1 after repeated failures."),
    ]
}
