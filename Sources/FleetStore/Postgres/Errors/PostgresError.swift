/// What went wrong between this process and Postgres, and whether the statement may have been applied.
///
/// Which of the two matters to the caller is `outcome`: after `.notApplied` anything may be done, after `.unknown` a
/// read-back can prove success and never failure (the statement may still execute).
public struct PostgresError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What happened.
    public enum Kind: Sendable, Hashable {
        /// Never sent, because the client would not: a value Postgres cannot store, a transaction already over.
        case refused(reason: String)
        /// Never sent: no connection, or no turn on one in time.
        case unavailable(reason: String)
        /// Never sent: the server would forget what it committed when its machine crashes.
        case notDurable
        /// Sent; the connection was lost before the reply.
        case lost(reason: String)
        /// Sent; no reply in time. The connection was closed.
        case timedOut(after: Duration)
        /// Postgres answered with an error, and nothing of the statement was applied.
        case server(sqlState: String, message: String, detail: String?, constraint: String?)
    }

    /// What is known about the statement's effects.
    public enum Outcome: Sendable, Hashable {
        /// Nothing was applied and nothing will be.
        case notApplied
        /// It was applied, or will be, or was not.
        case unknown
    }

    public let kind: Kind
    /// A statement lost inside a transaction was certainly not applied: its COMMIT was never sent.
    public let outcome: Outcome
    /// Where Postgres is, as `PostgresURL.description` writes it: without the password.
    public let server: String

    init(_ kind: Kind, server: String, outcome: Outcome? = nil) {
        self.kind = kind
        self.server = server
        self.outcome = outcome ?? kind.usualOutcome
    }

    public var description: String {
        switch kind {
        case .refused(let reason): "the statement was not sent: \(reason)"
        case .unavailable(let reason): "Postgres (\(server)) is unavailable: \(reason)"
        case .notDurable:
            "Postgres (\(server)) runs with fsync or full_page_writes off and loses committed leases when its machine crashes"
        case .lost(let reason): "the connection to Postgres (\(server)) was lost before its reply: \(reason)"
        case .timedOut(let timeout): "Postgres (\(server)) did not reply within \(timeout)"
        case .server(let sqlState, let message, let detail, let constraint):
            "Postgres error \(sqlState): \(message)" + (detail.map { " (\($0))" } ?? "")
                + (constraint.map { " [constraint \($0)]" } ?? "")
        }
    }
}

extension PostgresError.Kind {
    var usualOutcome: PostgresError.Outcome {
        switch self {
        case .refused, .unavailable, .notDurable, .server: .notApplied
        case .lost, .timedOut: .unknown
        }
    }
}

extension PostgresError {
    /// The five characters of Appendix A of the Postgres manual; `nil` when the error is not the server's.
    public var sqlState: String? {
        if case .server(let sqlState, _, _, _) = kind { sqlState } else { nil }
    }

    /// The violated constraint's name, where the server names one.
    public var constraint: String? {
        if case .server(_, _, _, let constraint) = kind { constraint } else { nil }
    }

    public var isUniqueViolation: Bool { sqlState == "23505" }
    public var isForeignKeyViolation: Bool { sqlState == "23503" }
    public var isSerializationFailure: Bool { sqlState == "40001" }
    public var isDeadlock: Bool { sqlState == "40P01" }

    /// The same error, known not to have had an effect.
    func knownNotApplied() -> PostgresError { PostgresError(kind, server: server, outcome: .notApplied) }
}
