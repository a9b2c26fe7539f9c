import ArgumentParser

/// Flags every server role has. Each may also come from the environment (`BERTH_…`) or from a file.
struct RoleOptions: ParsableArguments {
    @Option(help: "Postgres connection string or URL. [BERTH_POSTGRES]")
    var postgres: String?
    @Option(help: "Object store: a directory, file:///dir or s3://bucket/prefix?endpoint=…&region=…. [BERTH_BUCKET]")
    var bucket: String?
    @Option(help: "Address to listen on, host:port; port 0 lets the system choose. [BERTH_LISTEN]")
    var listen: String?
    @Option(help: "Address others reach this process at, http://host:port, if it is not the one it listens on. [BERTH_ADVERTISE]")
    var advertise: String?
    @Option(help: "Name of this process in the fleet. [BERTH_NAME]")
    var name: String?
    @Option(help: "Data directory. [BERTH_DATA]")
    var data: String?
    @Option(help: "How long a session lives without a renewal, in milliseconds; the same on the whole fleet. [BERTH_LEASE_TTL_MS]")
    var leaseTTLMs: Int?
    @Option(help: "Time between two bundles, in milliseconds. [BERTH_SHIP_INTERVAL_MS]")
    var shipIntervalMs: Int?
    @Option(help: "trace, debug, info, notice, warning or error. [BERTH_LOG_LEVEL]")
    var logLevel: String?
    @Option(help: "text or json. [BERTH_LOG_FORMAT]")
    var logFormat: String?
    @Option(help: "JSON file with any of these and of the further settings in ops/README.md. [BERTH_CONFIG]")
    var config: String?

    /// What was given on the command line, by setting.
    var given: [String: String] {
        let all: [String: String?] = [
            "postgres": postgres, "bucket": bucket, "listen": listen, "advertise": advertise, "name": name,
            "data": data, "lease-ttl-ms": leaseTTLMs.map(String.init), "ship-interval-ms": shipIntervalMs.map(String.init),
            "log-level": logLevel, "log-format": logFormat,
        ]
        return all.compactMapValues { $0 }
    }

    /// The same flags again, for a child process.
    var arguments: [String] {
        given.sorted { $0.key < $1.key }.flatMap { ["--\($0.key)", $0.value] } + (config.map { ["--config", $0] } ?? [])
    }
}
