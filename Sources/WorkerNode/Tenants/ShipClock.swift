import FleetModel

/// How long one database's commits have been waiting to be in the bucket, and for whom they waited.
///
/// A changeset is cut on the database's own lane, behind the statement that runs there. What waits for that is not in the
/// bucket, so it counts as lag; but the bucket is not slow, and nobody is helped by refusing the next write. So the time for
/// which the shipper waited for the lane is known apart.
///
/// The times of the commits are those of a ``FleetClock``.
struct ShipClock {
    /// The oldest commit that is in no changeset.
    private var uncut: Duration?
    /// The oldest commit in the changeset under way.
    private var cut: Duration?
    /// Since when the shipper has been waiting for the lane.
    private var askedAt: Duration?
    /// For how much of the age of the oldest commit the shipper waited for the lane, as far as that is over.
    private var heldUp = Duration.zero

    /// The oldest commit that is not in the bucket.
    private var oldest: Duration? { cut ?? uncut }

    /// The shipper wants to cut, and has not had its turn on the lane for so long.
    func isCutWaiting(for patience: Duration = .zero, at now: Duration) -> Bool { askedAt.map { now - $0 >= patience } ?? false }

    /// Something committed is not in the bucket.
    var isBehind: Bool { oldest != nil }

    /// The age of the oldest commit that is not in the bucket; zero when there is none.
    func lag(at now: Duration) -> Duration { oldest.map { max(.zero, now - $0) } ?? .zero }

    /// How much of the lag is the bucket's or the shipper's, and not time in which this database kept its own lane busy.
    func bucketLag(at now: Duration) -> Duration { max(.zero, lag(at: now) - heldUp - waitForLane(at: now)) }

    private func waitForLane(at now: Duration) -> Duration {
        guard let askedAt, let oldest else { return .zero }
        return max(.zero, now - max(askedAt, oldest))
    }

    /// A write transaction ended.
    mutating func committed(at now: Duration) {
        if uncut == nil { uncut = now }
    }

    /// The shipper wants to cut what there is.
    mutating func askedToCut(at now: Duration) {
        if askedAt == nil { askedAt = now }
    }

    /// It has its turn on the lane.
    mutating func beganToCut(at now: Duration) {
        heldUp += waitForLane(at: now)
        askedAt = nil
    }

    /// Everything committed before the cut is in a changeset.
    ///
    /// - Parameter next: since when there have been commits that are not; `nil` when there are none.
    mutating func didCut(leaving next: Duration? = nil) {
        invariant(cut == nil, "a changeset was cut while another one was under way")
        (cut, uncut) = (uncut ?? next, next)
    }

    /// Nothing of what was committed changed anything.
    mutating func foundNothingToCut() {
        uncut = nil
        if cut == nil { heldUp = .zero }
    }

    /// What was cut is not going to be shipped: the next changeset has it.
    mutating func gaveUpCut() {
        uncut = oldest
        cut = nil
    }

    /// The changeset under way is in the bucket. Telling it twice is telling it once.
    mutating func published() {
        guard cut != nil else { return }
        cut = nil
        heldUp = .zero
    }

    /// Everything that is not in the bucket is given up.
    mutating func gaveUpAll() {
        (uncut, cut, heldUp) = (nil, nil, .zero)
    }
}
