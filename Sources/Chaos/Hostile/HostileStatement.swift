public import FleetModel

/// A statement of somebody who wants harm, or does not know better: it may end the process that carries it out, and nothing else.
public struct HostileStatement: Sendable, Hashable, CustomStringConvertible {
    /// What may come of it. Others on its host wait for another one at most; the node and other hosts notice nothing, whatever it is.
    public enum Outcome: Sendable, Hashable {
        /// An answer, an error, or the end of its host.
        case hostMayEnd
        /// An answer or an error.
        case hostLives
        /// An error for who may only read; an answer or an error for others.
        case refusedToReaders
        /// An error.
        case refused
    }

    public var engine: EngineKind
    /// What it is, in a few words.
    public var name: String
    public var sql: String
    public var outcome: Outcome
    /// What its database is made ready with, by somebody who may write: each in less than a second.
    public var preparation: [String]

    public init(_ engine: EngineKind, _ name: String, _ sql: String, outcome: Outcome = .hostMayEnd, after preparation: [String] = []) {
        self.engine = engine
        self.name = name
        self.sql = sql
        self.outcome = outcome
        self.preparation = preparation
    }

    /// The beginning of the statement stands for it: some have a megabyte.
    public var description: String {
        "\(engine.rawValue), \(name) (\(sql.utf8.count) bytes): \(sql.prefix(160))"
    }
}
