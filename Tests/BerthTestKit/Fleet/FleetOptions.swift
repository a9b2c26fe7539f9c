/// How a fleet under test is set up; what is not said is the product's default.
public struct FleetOptions: Sendable {
    public var nodes = 3
    /// How long a session lives without a renewal.
    public var leaseTTL: Duration?
    /// Time between two bundles.
    public var shipInterval: Duration?
    /// The object store; a directory of the fleet when `nil`.
    public var bucket: String?
    /// Further settings of all processes, by their names in a configuration file.
    public var settings: [String: Int] = [:]
    /// Variables of all processes, over those of the test process.
    public var environment: [String: String] = [:]

    public init() {}

    var arguments: [String] {
        var arguments = ["--nodes", String(nodes), "--port", "0"]
        if let leaseTTL { arguments += ["--lease-ttl-ms", Self.milliseconds(leaseTTL)] }
        if let shipInterval { arguments += ["--ship-interval-ms", Self.milliseconds(shipInterval)] }
        if let bucket { arguments += ["--bucket", bucket] }
        return arguments
    }

    private static func milliseconds(_ duration: Duration) -> String {
        String(Int64(duration / .milliseconds(1)))
    }
}
