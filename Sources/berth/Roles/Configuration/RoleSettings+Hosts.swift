import EngineHost
import Engines
import FleetModel
import WorkerNode

/// Where a node's engines run.
enum EngineIsolation: String, CaseIterable {
    /// In child processes, so that what ends an engine ends no node.
    case process
    /// In the node itself: for a laptop, for looking into it with one debugger.
    case thread
}

extension RoleSettings {
    /// - Throws: `configuration_invalid`.
    func engineIsolation() throws(BerthError) -> EngineIsolation {
        let text = string("engine-isolation", default: EngineIsolation.process.rawValue)
        guard let isolation = EngineIsolation(rawValue: text) else {
            throw BerthError(.configurationInvalid, "“\(text)” is not possible for “engine-isolation”: give process or thread.")
        }
        return isolation
    }

    func processHosts() throws(BerthError) -> ProcessHostSettings {
        var hosts = ProcessHostSettings()
        hosts.sqliteHosts = try int("engine-hosts", in: 1...256, default: hosts.sqliteHosts)
        hosts.spareHosts = try int("spare-engine-hosts", in: 0...64, default: hosts.spareHosts)
        hosts.idleTimeout = try milliseconds("engine-host-idle-ms", in: 100...86_400_000, default: hosts.idleTimeout)
        hosts.watchInterval = try milliseconds("engine-host-watch-ms", in: 10...10_000, default: hosts.watchInterval)
        hosts.quarantine.window = try milliseconds("quarantine-window-ms", in: 1_000...86_400_000, default: hosts.quarantine.window)
        hosts.quarantine.refusal = try milliseconds("quarantine-ms", in: 1_000...86_400_000, default: hosts.quarantine.refusal)
        return hosts
    }

    /// What every host of the node is told.
    func hostConfiguration(_ worker: WorkerSettings) throws(BerthError) -> HostConfiguration {
        var host = HostConfiguration()
        host.settings = worker.tenants.host
        host.sqlite = try sqlite()
        host.duckdb = try duckdb()
        host.duckdbLibrary = string("duckdb-library")
        host.threads = worker.engine
        host.databaseDescriptors = worker.databaseDescriptors
        host.directory = try required("data")
        host.logLevel = string("log-level", default: host.logLevel)
        host.logFormat = string("log-format", default: host.logFormat)
        host.limits.descriptors = worker.databaseDescriptors + DescriptorLimit.reserve
        host.limits.memoryBytes = Int64(try int("host-memory-bytes", in: (64 << 20)...(1 << 44), default: Int(host.limits.memoryBytes)))
        host.limits.reliefTime = try milliseconds("host-relief-ms", in: 50...600_000, default: host.limits.reliefTime)
        host.limits.reliefAttempts = try int("host-relief-attempts", in: 1...100, default: host.limits.reliefAttempts)
        host.limits.recycleTime = try milliseconds("host-recycle-ms", in: 1_000...86_400_000, default: host.limits.recycleTime)
        host.limits.watchdogGrace = try milliseconds("watchdog-grace-ms", in: 100...600_000, default: host.limits.watchdogGrace)
        host.limits.stallTimeout = try milliseconds("host-stall-timeout-ms", in: 500...600_000, default: host.limits.stallTimeout)
        return host
    }
}
