import FleetModel

/// Whether somebody's reads keep the log from being emptied: nothing that was written after what they see can leave it.
struct HeldLog {
    /// When that was tried last, in vain.
    private var triedAt: Duration?
    private var bytes = 0

    /// A checkpoint was tried, and left `bytes` in the log.
    mutating func isHeld(_ bytes: Int, at now: Duration) {
        triedAt = now
        self.bytes = bytes
    }

    mutating func isEmptied() { self = HeldLog() }

    /// Whether a read that has been open since `start` has to end, so that the log can be emptied.
    func ends(readSince start: Duration, at now: Duration, _ settings: HostSettings) -> Bool {
        // One that began later was not in the way.
        guard let triedAt, start <= triedAt else { return false }
        return bytes >= settings.heldLogBytes || now - start >= settings.heldLogTimeout
    }
}
