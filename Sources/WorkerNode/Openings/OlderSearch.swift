import FleetModel

/// The search for the newest state that opens, before one that does not: back in growing steps, then by halves.
///
/// Between the state it finds and the next one lies the first change that does not open; should states in between open and fail in
/// turn, it still finds one that opens.
struct OlderSearch: Sendable, Equatable {
    /// The newest that is known to open.
    private(set) var opens: UInt64?
    /// The oldest that is known not to.
    private var fails: UInt64
    private var step: UInt64 = 1

    /// - Parameter seq: of the state that does not open; at least 1.
    init(before seq: UInt64) {
        invariant(seq > 0, "the empty database opens")
        fails = seq
    }

    /// The state to try next; `nil` at the end. Never 0: an empty database is not a state to fall back to.
    var next: UInt64? {
        if let opens { return fails - opens > 1 ? opens + (fails - opens) / 2 : nil }
        guard fails > 1 else { return nil }
        return fails > step ? fails - step : 1
    }

    /// Says what became of ``next``.
    mutating func tried(_ seq: UInt64, didOpen: Bool) {
        invariant(seq < fails && seq > opens ?? 0, "only what lies between is tried")
        if didOpen { opens = seq } else { fails = seq }
        step = step.multipliedReportingOverflow(by: 2).partialValue
    }
}
