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
