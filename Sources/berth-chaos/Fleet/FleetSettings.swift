import Chaos
import Foundation

/// How the fleet under test is set up.
struct FleetSettings: Sendable {
    enum BucketKind: String, Sendable, CaseIterable {
        /// An S3 server behind a proxy that makes trouble.
        case s3
        /// A directory that goes away.
        case directory
    }

    /// The program under test, an absolute path.
    var program: String
    var directory: String
    var topology: Topology
    var leaseTTL: Duration
    var shipInterval: Duration
    var maxShipLag: Duration
    var bucket: BucketKind
    var hasSmallDisks: Bool
    /// What makes calls of nodes on files fail; `nil` when none shall.
    var fileFaultLibrary: String?
    var logLevel: String
    /// Of what is random in the harness itself.
    var seed: UInt64

    /// Room for one node's copies: enough for a long run, little enough to be filled in no time.
    static let diskBytes = 512 << 20

    /// What one engine host may take: more than it needs, and little enough to be filled in no time.
    private static let hostMemoryBytes = 384 << 20

    /// The file every process reads. Times that a person's fleet has in minutes are short, so that what follows them is
    /// part of the run: sweeping, closing idle databases, placing those of an absent node.
    func configuration() throws -> Data {
        func milliseconds(_ duration: Duration) -> Int { Int(Moment(duration).microseconds / 1000) }
        return try JSONEncoder().encode([
            "ship-interval-ms": milliseconds(shipInterval),
            "max-ship-lag-ms": milliseconds(maxShipLag),
            "stream-timeout-ms": 2_000,
            "write-turn-timeout-ms": 1_000,
            "publish-timeout-ms": max(2_000, milliseconds(leaseTTL)),
            "idle-timeout-ms": 2_000,
            "reconcile-interval-ms": 500,
            "absence-grace-ms": milliseconds(leaseTTL),
            "sweep-grace-ms": 2_000,
            "sweep-interval-ms": 1_000,
            "drain-timeout-ms": 1_000,
            "host-stall-timeout-ms": max(500, milliseconds(leaseTTL)),
            "host-memory-bytes": Self.hostMemoryBytes,
            // A disk is to be full once in a while, and not only nearly.
            "disk-high-water-percent": 100,
            "disk-low-water-percent": 100,
            "quarantine-ms": 1_000,
            "quarantine-window-ms": 2_000,
            "move-timeout-ms": 10_000,
        ])
    }
}
