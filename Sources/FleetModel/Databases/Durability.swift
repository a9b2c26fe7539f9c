/// What an acknowledged write survives. Chosen when the database is created.
public enum Durability: String, Sendable, Codable, CaseIterable, Hashable {
    /// Committed in the leader's own file. A crash loses at most what was not yet shipped.
    case local
    /// Stored in the bucket and published. Survives the loss of every node.
    case bucket
}

/// The engine that runs a database.
public enum EngineKind: String, Sendable, Codable, CaseIterable, Hashable {
    case sqlite
    case duckdb
}
