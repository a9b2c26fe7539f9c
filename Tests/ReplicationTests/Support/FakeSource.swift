import BerthTestKit
import Changesets
import FleetModel
import Foundation
import Replication
import Synchronization

extension CutChangeset {
    /// Of those that lie in memory.
    var bytes: [UInt8] { if case .bytes(let bytes) = contents { bytes } else { [] } }
}

/// A database whose commits are one page of noise each.
final class FakeSource: Shippable {
    private struct State {
        var epoch: Epoch
        var head: ChainPosition
        var isPending = false
        var underWay: CutChangeset?
        var looks = 0
        var cuts: [CutChangeset] = []
        var outcomes: [ShipOutcome] = []
        var commitsAgain = 0
        var isGone = false
        var onSpool: @Sendable (String) -> Void = { _ in }
        var random: SeededGenerator
    }

    let database: DatabaseID
    /// Who asks for a changeset passes this door: closed, another has the database's lane.
    let lane = Latch(isOpen: true)
    /// Who tells an outcome passes this one.
    let ear = Latch(isOpen: true)
    /// Where its changesets lie; `nil` for in memory.
    private let spool: String?
    private let pages: Int
    private let shipper: Shipper
    private let state: Mutex<State>

    /// - Parameters:
    ///   - pages: in each changeset, of 4 KiB that do not compress.
    ///   - commitsAgain: how often it commits the moment its changeset is published.
    init(
        _ database: DatabaseID, epoch: Epoch, head: ChainPosition = .origin, pages: Int = 1, commitsAgain: Int = 0,
        spool: String? = nil, shipper: Shipper, seed: UInt64 = 1
    ) {
        self.spool = spool
        self.database = database
        self.pages = pages
        self.shipper = shipper
        state = Mutex(State(epoch: epoch, head: head, commitsAgain: commitsAgain, random: SeededGenerator(seed: seed)))
    }

    var outcomes: [ShipOutcome] { state.withLock { $0.outcomes } }
    /// How often it was asked for a changeset.
    var looks: Int { state.withLock { $0.looks } }
    var cuts: [CutChangeset] { state.withLock { $0.cuts } }
    /// The chain after everything that was cut.
    var tip: ChainPosition { state.withLock { $0.cuts.last?.position ?? $0.head } }

    func commit(urgent: Bool = false) {
        state.withLock { $0.isPending = true }
        shipper.markDirty(self, urgent: urgent)
    }

    /// Says that it committed, and has nothing.
    func claimDirty() { shipper.markDirty(self) }

    /// From now on it has nothing to ship.
    func leave() { state.withLock { $0.isGone = true } }

    func cut() async -> CutChangeset? {
        await lane.pass()
        return state.withLock { state in
            state.looks += 1
            guard state.isPending, !state.isGone, state.underWay == nil else { return nil }
            state.isPending = false
            let previous = state.cuts.last?.position ?? state.head
            var cut = Self.changeset(after: previous, epoch: state.epoch, pages: pages, random: &state.random)
            if let spool { cut.contents = .file(Self.spooled(cut.bytes, in: spool, state.onSpool)) }
            state.underWay = cut
            state.cuts.append(cut)
            return cut
        }
    }

    func shipped(_ outcome: ShipOutcome) async {
        await ear.pass()
        let again = state.withLock { state in
            state.outcomes.append(outcome)
            state.underWay = nil
            guard outcome == .published, state.commitsAgain > 0 else { return state.isPending }
            state.commitsAgain -= 1
            state.isPending = true
            return true
        }
        if again { shipper.markDirty(self) }
    }

    /// Told of the path of each file it makes.
    func onSpool(_ body: @escaping @Sendable (String) -> Void) { state.withLock { $0.onSpool = body } }

    /// Lets go of what was cut, and of its files.
    func forgetCuts() { state.withLock { $0.cuts = [] } }

    private static func spooled(_ bytes: [UInt8], in directory: String, _ onSpool: (String) -> Void) -> SpoolFile {
        let path = "\(directory)/\(UUID())"
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else { preconditionFailure("\(path) cannot be written") }
        onSpool(path)
        return SpoolFile(path: path, size: bytes.count)
    }

    static func changeset(
        after previous: ChainPosition, epoch: Epoch, pages: Int, random: inout SeededGenerator
    ) -> CutChangeset {
        let size = 4096
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pages * size)
        while bytes.count < pages * size { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
        let set = PageSet(
            pageSize: size, endPageCount: UInt64(pages),
            pages: (0..<pages).map { .init(id: UInt64($0 + 1), bytes: $0 * size..<($0 + 1) * size) }, bytes: bytes)
        do {
            let encoded = try HADBP.encode(
                set, profile: .sqlite, seq: previous.seq + 1, previousChecksum: previous.checksum, createdAt: 0)
            return CutChangeset(
                epoch: epoch, previous: previous,
                position: ChainPosition(seq: previous.seq + 1, checksum: encoded.chainChecksum), pageSize: size,
                createdAt: 0, bytes: encoded.bytes)
        } catch { preconditionFailure("these pages keep every rule: \(error)") }
    }
}
