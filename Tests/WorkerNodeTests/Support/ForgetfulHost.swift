import EngineHost
import Engines
import FleetModel
import Synchronization

/// A host that ends under the answers it is making, as far as whoever reads them can tell: from a moment on it knows of none.
struct ForgetfulHost: EngineHost {
    let base: ThreadHost
    let hasEnded: Latch

    /// Whether it has.
    final class Latch: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }

    func open(_ opening: DatabaseOpening, for owner: any DatabaseOwner) async throws(OpeningFailure) -> any HostedDatabase {
        Database(base: try await base.open(opening, for: owner), hasEnded: hasEnded)
    }

    func rehearse(_ path: String, _ engine: EngineKind) async throws(HostFailure) { try await base.rehearse(path, engine) }
    func verify(_ path: String, _ engine: EngineKind) async throws(HostFailure) { try await base.verify(path, engine) }
    func run() async { await base.run() }
    var descriptors: (taken: Int, limit: Int) { base.descriptors }

    private final class Database: HostedDatabase {
        private let base: any HostedDatabase
        private let hasEnded: Latch

        init(base: any HostedDatabase, hasEnded: Latch) {
            self.base = base
            self.hasEnded = hasEnded
        }

        func nextPiece(ofCursor cursor: UInt64) async -> CursorPiece? {
            hasEnded.isSet ? nil : await base.nextPiece(ofCursor: cursor)
        }

        func serve(_ call: HostCall) async -> HostAnswer { await base.serve(call) }
        func cancelCursor(_ cursor: UInt64) { base.cancelCursor(cursor) }
        func cutOffCursor(_ cursor: UInt64) async { await base.cutOffCursor(cursor) }
        func discard(stream: UInt64?, cursor: UInt64?) async { await base.discard(stream: stream, cursor: cursor) }
        func cut(_ order: CutOrder) async throws(CutFailure) -> CutResult { try await base.cut(order) }
        func drain(until deadline: Duration) async { await base.drain(until: deadline) }
        func endDraining() { base.endDraining() }
        func resume() async { await base.resume() }
        func foldForClosing(head: ChainPosition) async -> Folding { await base.foldForClosing(head: head) }
        func raise(to epoch: Epoch) async { await base.raise(to: epoch) }
        func closeIfAtRest(head: ChainPosition) async -> Closing? { await base.closeIfAtRest(head: head) }
        func close(clean: Bool, because reason: BerthError) async -> Closing { await base.close(clean: clean, because: reason) }
    }
}
