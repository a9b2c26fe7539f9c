public import FleetModel

/// Something in the store may have changed: a reason to look, never a fact.
public enum StoreHint: Sendable, Hashable {
    /// Placements that name these nodes, before or after; `nil` for any.
    case placements([NodeName]?)
    /// Leases that changed hands; `nil` for any.
    case leases([DatabaseID]?)
    /// A session was opened or ended.
    case sessions
    /// An operation was asked for, cancelled or made progress.
    case operations
    /// The connection was lost for a while: anything may have changed.
    case everything

    /// The channel hints travel on; the payload is `<what> <which> <which> …` or `<what> *`.
    public static let channel = "berth"

    /// Parses a payload; `nil` for one of a newer program.
    public init?(payload: String) {
        let words = payload.split(separator: " ")
        guard let what = words.first else { return nil }
        let which = words.dropFirst()
        let isAny = which.first == "*"
        switch what {
        case "placements": self = .placements(isAny ? nil : which.compactMap { try? NodeName($0) })
        case "leases": self = .leases(isAny ? nil : which.compactMap { DatabaseID($0) })
        case "sessions": self = .sessions
        case "operations": self = .operations
        default: return nil
        }
    }
}
