import FleetModel

/// What requests hold from their head to the end of their work: bytes of their bodies, in all and for each database, and places for
/// each database. A value without I/O.
struct AdmissionBudget {
    enum Shortage: String, CaseIterable, Sendable {
        /// The database has as many requests as it may.
        case databaseRequests = "database_requests"
        /// Their bodies have as many bytes as they may.
        case databaseBytes = "database_bytes"
        /// The bodies of all databases together have.
        case nodeBytes = "node_bytes"
    }

    private struct Share {
        var requests = 0
        var bytes = 0
    }

    private let limits: GatewayLimits
    private var shares: [DatabaseName: Share] = [:]
    /// Of all bodies.
    private(set) var bytes = 0

    init(_ limits: GatewayLimits) { self.limits = limits }

    /// Databases with a request.
    var databases: Int { shares.count }

    /// Takes a place for a request whose body is said to have so many bytes.
    ///
    /// - Returns: what there is too little of; nothing was taken then.
    mutating func enter(_ database: DatabaseName, bytes count: Int) -> Shortage? {
        let share = shares[database] ?? Share()
        guard share.requests < limits.requestsPerDatabase else { return .databaseRequests }
        if let shortage = shortage(of: count, for: share) { return shortage }
        shares[database] = Share(requests: share.requests + 1, bytes: share.bytes + count)
        bytes += count
        invariant(bytes <= limits.bodiesInFlight, "bodies hold more than they may")
        return nil
    }

    /// More of a body arrived than was said.
    ///
    /// - Returns: what there is too little of; nothing was taken then.
    mutating func grow(_ database: DatabaseName, by count: Int) -> Shortage? {
        guard let share = shares[database] else { brokenInvariant("a request grows that has no place") }
        if let shortage = shortage(of: count, for: share) { return shortage }
        shares[database] = Share(requests: share.requests, bytes: share.bytes + count)
        bytes += count
        return nil
    }

    /// Gives back one place and all bytes of its request.
    mutating func leave(_ database: DatabaseName, bytes count: Int) {
        guard let share = shares[database] else { brokenInvariant("a request leaves that has no place") }
        invariant(share.requests > 0 && share.bytes >= count && bytes >= count, "more is given back than was taken")
        shares[database] = share.requests == 1 ? nil : Share(requests: share.requests - 1, bytes: share.bytes - count)
        bytes -= count
    }

    private func shortage(of count: Int, for share: Share) -> Shortage? {
        if share.bytes + count > limits.bodyBytesPerDatabase { return .databaseBytes }
        return bytes + count > limits.bodiesInFlight ? .nodeBytes : nil
    }
}
