public import FleetModel
import Foundation

/// What the files of an open database are, for the next process of this node should this one die.
///
/// With it the files outlive a crash: commits that were never published are still on the disk, and whoever can prove that the files are a
/// published position plus commits of this node may go on with them instead of restoring (rule 5). Written before each changeset is sent, without
/// a sync: the system keeps it when the process dies. After a power loss neither it nor the log has to be whole, so it counts only while the
/// machine runs on.
public struct CopyWatermark: Sendable, Hashable, Codable {
    /// A position of the chain, and how far the files were captured there.
    public struct Point: Sendable, Hashable, Codable {
        public var position: ChainPosition
        /// `nil` when the files have gone on from there in a way that cannot be captured apart from the rest.
        public var mark: CaptureMark?

        public init(position: ChainPosition, mark: CaptureMark?) {
            self.position = position
            self.mark = mark
        }
    }

    /// The lease under which the files were written.
    public var epoch: Epoch
    public var copy: CopyID
    /// The published position, and that of the changeset whose publishing is under way: which of the two is the head shows when the lease is read.
    public var points: [Point]
    /// The run of the machine.
    var boot: String

    public init(epoch: Epoch, copy: CopyID, points: [Point], boot: String = MachineRun.id) {
        invariant(!points.isEmpty, "a watermark says nothing without a position")
        self.epoch = epoch
        self.copy = copy
        self.points = points
        self.boot = boot
    }

    /// Where the files go on from under a lease with this head and epoch.
    ///
    /// - Returns: `nil` when somebody else has led since, or published, or nothing is known of the files at that position.
    public func point(at head: ChainPosition, in epoch: Epoch) -> Point? {
        guard epoch == self.epoch || epoch > self.epoch && epoch.value - 1 == self.epoch.value else { return nil }
        return points.last { $0.position == head && ($0.mark != nil || head == .origin) }
    }
}

/// From one start of the machine to its next.
public enum MachineRun {
    /// Source: `boot_id` in random(4). Where there is none, every process counts as a run of its own.
    public static let id: String = {
        let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? UUID().uuidString
    }()
}
