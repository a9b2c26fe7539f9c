public import FleetModel
import Foundation
import Glibc
public import Logging

/// A Postgres server of this process alone, for `berth dev` and for tests.
///
/// Listens on a Unix socket only, in a directory only its account and root can enter, and trusts whoever gets there. It
/// runs as this process's user, or as `postgres` or `nobody` when that is root, and ends when this process does.
/// A server that an earlier process left in the same data directory is waited for, never shared.
public actor PrivatePostgres {
    public struct Configuration: Sendable {
        /// Made if missing; the files stay when the server stops.
        public var dataDirectory: String
        /// A short path: the socket's has to fit into 107 bytes.
        public var socketDirectory: String
        /// Output of `initdb` and of the server, appended.
        public var logFile: String
        public var maxConnections = 100
        /// `false` loses the data when the machine crashes: for tests. The server says so to its clients (`berth.may_lose_data`).
        public var syncsToDisk = true
        /// Further settings by name, over the ones above.
        public var settings: [String: String] = [:]
        /// For starting and for stopping, each.
        public var patience: Duration = .seconds(60)
        /// How the server ends when this process dies without stopping it.
        public var endWithParent = EndWithParent.fast

        /// All paths are absolute; the log is written beside the data directory unless set otherwise.
        public init(dataDirectory: String, socketDirectory: String) {
            self.dataDirectory = dataDirectory
            self.socketDirectory = socketDirectory
            self.logFile = dataDirectory + ".log"
        }
    }

    /// The shutdown modes of the manual's “Shutting Down the Server”.
    public enum EndWithParent: String, Sendable {
        /// Ends the connections and writes a checkpoint.
        case fast = "INT"
        /// Ends at once; the next start recovers.
        case immediate = "QUIT"
    }

    /// The database superuser all clients connect as.
    public static let user = "berth"
    private static let port = "5432"
    private static let longestSocketDirectory = 107 - "/.s.PGSQL.\(port)".utf8.count

    public nonisolated let configuration: Configuration
    private let data: PostgresDataDirectory
    private let logger: Logger
    private var server: ChildProcess?

    public init(_ configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.data = PostgresDataDirectory(path: configuration.dataDirectory)
        self.logger = logger
    }

    /// The postmaster's process number while it runs.
    public var pid: Int32? { server.flatMap { $0.isRunning ? $0.pid : nil } }

    /// A libpq connection string.
    public nonisolated func conninfo(database: String = "postgres") -> String {
        func quoted(_ value: String) -> String {
            "'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
        }
        return "host=\(quoted(configuration.socketDirectory)) port=\(Self.port) user=\(Self.user) dbname=\(quoted(database))"
    }

    /// Makes the data directory if there is none, starts the server and returns when it accepts connections. Does nothing while
    /// it runs.
    ///
    /// - Throws: `BerthError`: `configuration_invalid` when something must be installed or changed first,
    ///   `store_unavailable` when the server does not come up.
    public func start() async throws(BerthError) {
        guard pid == nil else { return }
        try checkPaths()
        let account = try ServerAccount.current()
        try account.makePrivateDirectory(configuration.socketDirectory)
        try account.makePrivateDirectory(configuration.dataDirectory)
        var content = try data.content()
        let installation = try installation(for: content)
        if content == .nothing {
            try await initialize(installation, account)
            content = try data.content()
        }
        try await waitForPredecessor()
        data.removeStaleLocks(socketDirectory: configuration.socketDirectory)
        let child = try await ChildProcess.start(
            account.command(serverCommand(installation), deathSignal: configuration.endWithParent.rawValue),
            environment: Self.environment, output: configuration.logFile)
        server = child
        do {
            try await waitUntilReady(child, installation)
        } catch {
            await kill()
            throw error
        }
        logger.info("private postgres runs", metadata: ["data": "\(configuration.dataDirectory)", "pid": "\(child.pid)"])
    }

    /// Ends all connections, writes a checkpoint and stops the server; at once if that takes longer than the patience.
    public func stop() async {
        guard let server else { return }
        server.signal(SIGINT)
        let patience = configuration.patience
        let impatience = Task {
            guard (try? await Task.sleep(for: patience)) != nil else { return }
            server.signal(SIGQUIT)
        }
        _ = await server.exitCode()
        impatience.cancel()
        self.server = nil
    }

    /// Kills the postmaster as a crash would; its other processes end by themselves. `start()` recovers.
    public func kill() async {
        guard let server else { return }
        server.signal(SIGKILL)
        _ = await server.exitCode()
        self.server = nil
    }

    // MARK: - Starting

    private static let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"]

    private func checkPaths() throws(BerthError) {
        let configuration = self.configuration
        for path in [configuration.dataDirectory, configuration.socketDirectory, configuration.logFile] where !path.hasPrefix("/") {
            throw BerthError(.configurationInvalid, "\(path) is not an absolute path, which a private Postgres needs.")
        }
        guard configuration.socketDirectory.utf8.count <= Self.longestSocketDirectory else {
            throw BerthError(
                .configurationInvalid,
                "\(configuration.socketDirectory) is too long for a socket's directory: at most "
                    + "\(Self.longestSocketDirectory) bytes. Choose a shorter one, such as in /tmp or /run.")
        }
    }

    private func installation(for content: PostgresDataDirectory.Content) throws(BerthError) -> PostgresInstallation {
        let version: Int? = if case .cluster(let major) = content { major } else { nil }
        return try .find(majorVersion: version, environment: ProcessInfo.processInfo.environment)
    }

    private func initialize(_ installation: PostgresInstallation, _ account: ServerAccount) async throws(BerthError) {
        // A process that died while it initialized left its half here.
        try? FileManager.default.removeItem(atPath: data.unfinishedPath)
        try account.makePrivateDirectory(data.unfinishedPath)
        let command = [
            installation.path(of: "initdb"), "--pgdata=\(data.unfinishedPath)", "--username=\(Self.user)",
            "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--locale=C",
        ]
        let child = try await ChildProcess.start(
            account.command(command + (configuration.syncsToDisk ? [] : ["--no-sync"]), deathSignal: "KILL"),
            environment: Self.environment, output: configuration.logFile)
        guard await child.exitCode() == 0 else {
            throw BerthError(
                .configurationInvalid,
                "initdb could not make \(configuration.dataDirectory) as user \(account.name): \(logTail()). If that user "
                    + "cannot reach the directory, name one it can, for example in /var/lib or /tmp.")
        }
        try data.adoptUnfinished()
    }

    private func serverCommand(_ installation: PostgresInstallation) -> [String] {
        var settings = [
            "listen_addresses": "", "port": Self.port, "unix_socket_directories": configuration.socketDirectory,
            "unix_socket_permissions": "0700", "max_connections": String(configuration.maxConnections),
            "shared_buffers": "64MB", "logging_collector": "off", "log_line_prefix": "%m [%p] ",
            // Nobody needs to be told of this one that it has no standby.
            "berth.without_standby": "on",
        ]
        if !configuration.syncsToDisk {
            settings.merge(
                ["fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "berth.may_lose_data": "on"]) { $1 }
        }
        settings.merge(configuration.settings) { $1 }
        return [installation.path(of: "postgres"), "-D", configuration.dataDirectory]
            + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    /// Processes of a killed server hold its shared memory for a moment, and one whose parent died is shutting down.
    private func waitForPredecessor() async throws(BerthError) {
        let deadline = ContinuousClock.now + configuration.patience
        while let other = data.serverProcesses().first {
            guard ContinuousClock.now < deadline, await pause() else {
                throw BerthError(
                    .storeUnavailable,
                    "Another Postgres (process \(other)) works in \(configuration.dataDirectory). Stop it, or name another "
                        + "data directory.")
            }
        }
    }

    private func waitUntilReady(_ child: ChildProcess, _ installation: PostgresInstallation) async throws(BerthError) {
        let deadline = ContinuousClock.now + configuration.patience
        let probe = [
            installation.path(of: "pg_isready"), "--quiet", "--host=\(configuration.socketDirectory)",
            "--port=\(Self.port)", "--timeout=2",
        ]
        while true {
            let attempt = try await ChildProcess.start(probe, environment: Self.environment, output: configuration.logFile)
            if await attempt.exitCode() == 0, child.isRunning { return }
            guard child.isRunning else {
                throw BerthError(.storeUnavailable, "Postgres did not start: \(logTail()). See \(configuration.logFile).")
            }
            guard ContinuousClock.now < deadline, await pause() else {
                throw BerthError(
                    .storeUnavailable,
                    "Postgres did not accept connections within \(configuration.patience): \(logTail()). See "
                        + "\(configuration.logFile).")
            }
        }
    }

    /// Between two looks; `false` when this task was cancelled.
    private func pause() async -> Bool {
        (try? await Task.sleep(for: .milliseconds(20))) != nil
    }

    /// The log's last lines, on one.
    private func logTail() -> String {
        guard let text = try? String(contentsOfFile: configuration.logFile, encoding: .utf8) else { return "no log" }
        return text.split(whereSeparator: \.isNewline).suffix(4).joined(separator: " | ")
    }
}
