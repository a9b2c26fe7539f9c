/// What is decided for one database, beside its engine and its durability.
public struct DatabaseSettings: Sendable, Hashable {
    /// Whether SQLite enforces foreign keys on a connection that has not said otherwise. Default `false`, as in SQLite; databases are created
    /// with `true` unless asked for otherwise, as libSQL has it.
    public var foreignKeys = false

    public init(foreignKeys: Bool = false) { self.foreignKeys = foreignKeys }
}
