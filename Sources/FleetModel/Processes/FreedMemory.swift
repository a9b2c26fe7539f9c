import CLinux

/// When a process that closes what nobody uses gives the memory of it back to the machine: a value without I/O.
///
/// The C library keeps what is freed for the next use, in pieces between what lives on: thousands of databases that were open for a moment would be
/// resident for as long as the process lives.
public struct FreedMemory: Sendable, Hashable {
    /// Closed since memory was given back; so many are worth it at once.
    public static let worthwhile = 64
    /// Fewer are worth it when nothing was opened for so long.
    public static let patience = Duration.seconds(10)

    /// The most that were open since then.
    private var most = 0
    private var restingSince: Duration?
    private var open = 0

    public init() {}

    /// Whether it is time.
    ///
    /// - Parameter open: things of the kind that are open now.
    public mutating func isWorthGivingBack(open: Int, at now: Duration) -> Bool {
        defer { self.open = open }
        most = max(most, open)
        guard open < most else {
            restingSince = nil
            return false
        }
        if open > self.open || restingSince == nil { restingSince = now }
        let rested = restingSince.map { now - $0 >= Self.patience } ?? false
        guard most - open >= Self.worthwhile || rested else { return false }
        most = open
        restingSince = nil
        return true
    }

    /// Gives back what is free. Takes milliseconds for each hundred megabytes of heap, in which others wait that want memory.
    public static func giveBack() { _ = malloc_trim(0) }
}
