public import Engines
public import FleetModel

/// Everything a host has to know, told by its node. No address, no bucket, no token is among it.
public struct HostConfiguration: Sendable, Hashable, Codable {
    public var settings = HostSettings()
    public var limits = HostLimits()
    public var sqlite = SQLiteOptions()
    public var duckdb = DuckDBOptions()
    /// `nil` when it is looked for in the usual places.
    public var duckdbLibrary: String?
    /// The engine this host is for; it has no other.
    public var engine = EngineKind.sqlite
    /// Threads on which it runs, and how databases share them.
    public var threads = EnginePool.Limits(threads: 4)
    /// Descriptors its databases may take together.
    public var databaseDescriptors = 1_024
    /// Below which the files of databases lie.
    public var directory = ""
    /// The folder of this host's ``Spool`` and temporary files.
    public var spool = ""
    /// `trace` to `critical`, and `text` or `json`: what the program's logs are like.
    public var logLevel = "info"
    public var logFormat = "text"

    public init() {}
}

/// The codes with which a host ends itself.
public enum HostExit {
    /// Work did not end although its time was long over.
    public static let watchdog: Int32 = 86
    /// The node sent something that is not a frame, or could not be understood.
    public static let misunderstood: Int32 = 87
    /// Its node is not there any more, or never was.
    public static let orphaned: Int32 = 88
}
