import EngineHost
import FleetModel

/// Where one database stands on its chain of changesets, and in which epoch. A value without I/O.
///
/// One changeset is under way at a time: it follows the head, and nothing more is cut until its outcome is known.
struct TenantChain: Sendable {
    enum Changeset: Equatable {
        case none
        /// It was asked for.
        case asked
        /// It contains everything up to this commit, and is the shipper's.
        case cut(commit: UInt64)
    }

    /// Of the lease.
    private(set) var epoch: Epoch
    /// The published end of the chain.
    private(set) var head: ChainPosition
    /// The end of the chain including a changeset that was cut and whose publishing is under way.
    private(set) var tip: ChainPosition
    /// The one under way.
    private(set) var changeset = Changeset.none
    /// The next changeset has everything: what is published does not open.
    private(set) var publishesAnew = false
    /// Captures that failed in a row.
    private(set) var captureFailures = 0

    init(epoch: Epoch, head: ChainPosition) {
        self.epoch = epoch
        self.head = head
        tip = head
    }

    /// Nothing is under way: the published end of the chain is its end.
    var isAtHead: Bool { tip == head && changeset == .none }

    // MARK: Changesets

    /// Asks for the next changeset.
    mutating func ask() -> CutOrder {
        invariant(changeset == .none && tip == head, "a changeset is cut behind one that nobody ships")
        changeset = .asked
        return CutOrder(head: head, isWhole: publishesAnew)
    }

    mutating func foundNothing() {
        endAsking()
        captureFailures = 0
    }

    mutating func cut(to position: ChainPosition, containing commit: UInt64) {
        endAsking()
        invariant(position.seq == head.seq + 1, "a changeset does not follow the head")
        changeset = .cut(commit: commit)
        tip = position
        publishesAnew = false
        captureFailures = 0
    }

    /// What was committed stays, for the next attempt.
    ///
    /// - Returns: how many failed in a row before this one.
    mutating func captureFailed() -> Int {
        endAsking()
        defer { captureFailures += 1 }
        return captureFailures
    }

    private mutating func endAsking() {
        invariant(changeset == .asked, "a changeset that nobody asked for")
        changeset = .none
    }

    /// What was cut is the head now.
    mutating func published() {
        guard case .cut = changeset else { brokenInvariant("published what was not cut") }
        invariant(tip.seq == head.seq + 1, "published out of order")
        (head, changeset) = (tip, .none)
    }

    /// What was cut is never going to be published by this holder.
    mutating func refused() {
        guard case .cut = changeset else { brokenInvariant("refused what was not cut") }
        changeset = .none
    }

    // MARK: Other ends

    /// What follows the head is given up.
    ///
    /// - Parameter newer: the head, when it is not the one that was known.
    mutating func returnToHead(at newer: ChainPosition? = nil) {
        head = newer ?? head
        (tip, changeset, captureFailures) = (head, .none, 0)
    }

    /// Another holder went on for a while.
    mutating func adopt(_ newer: ChainPosition) {
        invariant(isAtHead, "a newer head is adopted over a changeset under way")
        (head, tip) = (newer, newer)
    }

    mutating func publishAnew() { publishesAnew = true }

    mutating func raise(to epoch: Epoch) {
        invariant(epoch > self.epoch, "an epoch fell from \(self.epoch) to \(epoch)")
        self.epoch = epoch
    }
}
