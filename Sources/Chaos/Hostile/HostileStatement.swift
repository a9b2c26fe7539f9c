public import FleetModel

/// A statement of somebody who wants harm, or does not know better: it may end the process that carries it out, and nothing else.
public struct HostileStatement: Sendable, Hashable, CustomStringConvertible {
    public var engine: EngineKind
    /// What it is, in a few words.
    public var name: String
    public var sql: String

    public init(_ engine: EngineKind, _ name: String, _ sql: String) {
        self.engine = engine
        self.name = name
        self.sql = sql
    }

    /// The beginning of the statement stands for it: some have a megabyte.
    public var description: String {
        "\(engine.rawValue), \(name) (\(sql.utf8.count) bytes): \(sql.prefix(160))"
    }
}
