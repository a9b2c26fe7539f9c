public import FleetModel

extension PostgresError {
    /// The error for people and programs outside, with what an operator can do about it.
    ///
    /// `outcome_unknown` when the statement may have been applied, `store_unavailable` when it was not and trying again
    /// makes sense, `schema_mismatch` for a missing table or column, `store_not_durable` for a server that forgets, otherwise `internal_error`.
    public var berthError: BerthError {
        if outcome == .unknown {
            return BerthError(
                .outcomeUnknown,
                "\(capitalizedDescription). The change may or may not have been made: look before repeating it.")
        }
        switch kind {
        case .refused:
            return BerthError(.internalError, "\(capitalizedDescription).")
        case .notDurable:
            return BerthError(
                .storeNotDurable,
                "\(capitalizedDescription). Set both to on and reload it. A server whose data may be lost, such as a test's, says so "
                    + "by the setting \(DataLossPermission.setting) = on.")
        case .unavailable, .lost, .timedOut:
            return BerthError(
                .storeUnavailable,
                "\(capitalizedDescription). Nothing was changed. Check that Postgres runs at \(server), accepts this "
                    + "user and is not out of connections.")
        case .server(let sqlState, _, _, _):
            return serverError(sqlState)
        }
    }

    private func serverError(_ sqlState: String) -> BerthError {
        switch sqlState {
        case "40001", "40P01", "55P03", "57014":
            return BerthError(.storeUnavailable, "\(capitalizedDescription). Nothing was changed; try again.")
        case "25006":
            return BerthError(
                .storeUnavailable,
                "\(capitalizedDescription). \(server) is a read-only standby: point Berth at the primary, or list all "
                    + "hosts and add target_session_attrs=read-write.")
        case _ where sqlState.hasPrefix("53") || sqlState.hasPrefix("58"):
            return BerthError(
                .storeUnavailable,
                "\(capitalizedDescription). Postgres at \(server) lacks disk, memory or connections: free or raise them.")
        case "42P01", "42703", "42883", "3F000":
            return BerthError(
                .schemaMismatch,
                "\(capitalizedDescription). The schema at \(server) is not this program's: run `berth migrate`.")
        case "42501":
            return BerthError(
                .storeUnavailable,
                "\(capitalizedDescription). Grant this user the rights on Berth's tables at \(server).")
        default:
            return BerthError(.internalError, "\(capitalizedDescription).")
        }
    }

    private var capitalizedDescription: String { description.prefix(1).uppercased() + description.dropFirst() }
}
