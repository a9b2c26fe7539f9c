import FleetModel
import FleetStore

/// What every process of the fleet has in common.
public struct FleetResource: Codable, Sendable, Hashable {
    /// The TTL of sessions that are opened from now on.
    public var leaseTtlMs: Int64
    /// The newest format of bundles and changesets that may be written.
    public var writeFormat: Int
    /// Live sessions that were opened with another TTL.
    public var sessionsOfAnotherTtl: Int64
    /// The newest format every live node can read.
    @OrNull public var readableFormat: Int?

    init(_ status: FleetStatus) {
        leaseTtlMs = status.settings.leaseTTL.milliseconds
        writeFormat = status.settings.writeFormat
        sessionsOfAnotherTtl = status.sessionsOfAnotherTTL
        readableFormat = status.readableFormat
    }
}
