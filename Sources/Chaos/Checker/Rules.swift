/// The promises a fleet was configured to keep.
public struct Rules: Sendable, Hashable, Codable {
    /// All in microseconds, as everything in a history.
    public var leaseTTL: Moment
    public var shipInterval: Moment
    /// Past this lag a node accepts no `local` writes.
    public var maxShipLag: Moment
    /// What a bundle may take from its cutting to its publishing when nothing is in its way.
    public var shipTime: Moment
    /// After a fault a node needs this long until it ships at its interval again.
    public var shipRecovery: Moment
    /// After the faults stop, everything serves within the TTL and this time.
    public var healing: Moment

    public init(
        leaseTTL: Duration, shipInterval: Duration, maxShipLag: Duration, shipTime: Duration = .seconds(1),
        shipRecovery: Duration = .seconds(5), healing: Duration = .seconds(5)
    ) {
        self.leaseTTL = Moment(leaseTTL)
        self.shipInterval = Moment(shipInterval)
        self.maxShipLag = Moment(maxShipLag)
        self.shipTime = Moment(shipTime)
        self.shipRecovery = Moment(shipRecovery)
        self.healing = Moment(healing)
    }

    /// What may be unshipped while nothing is in the way.
    var normalLag: Duration { .microseconds(shipInterval.microseconds + shipTime.microseconds) }
    /// What may be unshipped in any case.
    var greatestLag: Duration { normalLag + .microseconds(maxShipLag.microseconds) }
    var ttl: Duration { .microseconds(leaseTTL.microseconds) }
}
