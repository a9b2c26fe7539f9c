public struct ShipperSettings: Sendable {
    /// Time from one round of bundles to the next: what a `local` write may lose, and what bounds the PUTs of a node.
    public var interval: Duration = .milliseconds(250)
    /// Bytes of changesets, before they are compressed, after which a bundle is closed.
    public var maximumBundleBytes = 16 << 20
    /// Databases asked for their changes at a time. One that is late counts no more.
    public var parallelCuts = 64
    /// How long a database may take to answer until the others go without it; what it answers then goes with a later bundle.
    public var cutPatience: Duration = .milliseconds(50)
    /// Bundles of many databases under way at a time. A database is in one of them at most.
    public var parallelBundles = 2
    /// A changeset of more bytes travels in a bundle of its own, as does one that lies in a file.
    public var largeChangesetBytes = 4 << 20
    /// Such bundles under way at a time, beside the others.
    public var parallelLargeBundles = 2
    /// Bytes of changesets that wait in memory for a bundle. With more no database is asked. Those in files do not count.
    public var maximumWaitingBytes = 256 << 20
    /// Waiting time after a failure, doubled with each one up to the second value.
    public var retryDelay: ClosedRange<Duration> = .milliseconds(50)...(.seconds(1))
    /// The same after the store refused a changeset for what it is.
    public var refusedRetryDelay: ClosedRange<Duration> = .milliseconds(200)...(.seconds(4))

    public init() {}
}
