import Leases

extension LeaseStoreError {
    /// What a failed statement means for a lease: did it not happen, or is that unknown?
    init(_ error: PostgresError) {
        switch (error.outcome, error.kind) {
        case (.unknown, _): self = .outcomeUnknown(error.description)
        case (.notApplied, .server), (.notApplied, .refused): self = .refused(error.description)
        case (.notApplied, _): self = .unavailable(error.description)
        }
    }
}

extension PostgresError {
    /// Whether the server refused what a row holds, and not the statement: a value out of range (class 22), a constraint (23, 44), a
    /// trigger's exception (P0001), a limit of the program such as the size of a row (54).
    var blamesARow: Bool {
        guard outcome == .notApplied, let sqlState else { return false }
        return sqlState == "P0001" || ["22", "23", "44", "54"].contains { sqlState.hasPrefix($0) }
    }
}
