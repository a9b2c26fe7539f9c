import Engines
import FleetModel

/// Where the files of an open database stand on its chain: how far they were captured at the head, and at the changeset under way.
struct CaptureMarks: Sendable {
    /// A changeset that was cut, and the mark of the files then.
    struct Cut: Sendable {
        var position: ChainPosition
        var mark: CaptureMark?
    }

    let copy: CopyID
    private(set) var epoch: Epoch
    private(set) var head: ChainPosition
    /// `nil` when the files have gone on from the head in a way that cannot be captured apart from the rest.
    var published: CaptureMark?
    private(set) var cut: Cut?

    init(copy: CopyID, epoch: Epoch, head: ChainPosition, published: CaptureMark?) {
        self.copy = copy
        self.epoch = epoch
        self.head = head
        self.published = published
    }

    /// The owner says what is published now: what was cut last, or what was published before it.
    ///
    /// - Returns: whether what was cut last was given up.
    mutating func settle(at head: ChainPosition) -> Bool {
        guard let cut else {
            invariant(head == self.head, "the head moved from \(self.head) to \(head) without a changeset")
            return false
        }
        invariant(head == cut.position || head == self.head, "the head moved to \(head), which nobody cut")
        self.cut = nil
        guard head == cut.position else { return true }
        self.head = head
        published = cut.mark
        return false
    }

    mutating func didCut(_ position: ChainPosition, _ mark: CaptureMark?) {
        invariant(cut == nil && position.seq == head.seq + 1, "a changeset is cut behind one that nobody ships")
        cut = Cut(position: position, mark: mark)
    }

    mutating func raise(to epoch: Epoch) {
        invariant(epoch > self.epoch, "an epoch fell from \(self.epoch) to \(epoch)")
        self.epoch = epoch
    }

    /// What the next process is told, should this one die.
    var watermark: CopyWatermark {
        let points = [CopyWatermark.Point(position: head, mark: published)] + (cut.map { [CopyWatermark.Point(position: $0.position, mark: $0.mark)] } ?? [])
        return CopyWatermark(epoch: epoch, copy: copy, points: points)
    }
}
