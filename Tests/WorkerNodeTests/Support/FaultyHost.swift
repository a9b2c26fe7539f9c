import BerthTestKit
import EngineHost
import Engines
import FleetModel
import Synchronization

/// A host that does not do what it should.
struct FaultyHost: EngineHost {
    final class Faults: Sendable {
        private let forgets = Atomic(false)
        private let refusal = Mutex<(failure: OpeningFailure?, isOnce: Bool)>((nil, false))
        private let heard = Mutex<[String]>([])
        /// Closes nothing before it is open; opened when the host itself is ended.
        let closing: Latch?

        init(closing: Latch? = nil) { self.closing = closing }

        /// What openings fail with; `nil` when they do not.
        var opening: OpeningFailure? {
            get { refusal.withLock { $0.failure } }
            set { refusal.withLock { $0 = (newValue, false) } }
        }

        func failNextOpening(with failure: OpeningFailure) { refusal.withLock { $0 = (failure, true) } }

        /// What it was told to remember and which databases it was asked to open, in order.
        var calls: [String] { heard.withLock { $0 } }

        fileprivate func hear(_ call: String) { heard.withLock { $0.append(call) } }

        fileprivate func takeOpening() -> OpeningFailure? {
            refusal.withLock { refusal in
                defer { if refusal.isOnce { refusal = (nil, false) } }
                return refusal.failure
            }
        }

        /// From now on it knows of no answer it was making, like one that has ended.
        func forgetAnswers() { forgets.store(true, ordering: .relaxed) }
        var hasForgotten: Bool { forgets.load(ordering: .relaxed) }
    }

    let base: ThreadHost
    let faults: Faults

    func open(_ opening: DatabaseOpening, for owner: any DatabaseOwner) async throws(OpeningFailure) -> any HostedDatabase {
        faults.hear("open \(opening.name)")
        if let failure = faults.takeOpening() { throw failure }
        return Database(base: try await base.open(opening, for: owner), faults: faults)
    }

    func remember(_ quarantined: [DatabaseID: Quarantined]) {
        for (database, quarantined) in quarantined { faults.hear("remember \(database): \(quarantined.reason), \(quarantined.refusals)") }
        base.remember(quarantined)
    }

    func rehearse(_ path: String, _ engine: EngineKind) async throws(HostFailure) { try await base.rehearse(path, engine) }
    func verify(_ path: String, _ engine: EngineKind) async throws(HostFailure) { try await base.verify(path, engine) }
    func run() async {
        await base.run()
        faults.closing?.open()
    }
    var descriptors: (taken: Int, limit: Int) { base.descriptors }

    private final class Database: HostedDatabase {
        private let base: any HostedDatabase
        private let faults: Faults

        init(base: any HostedDatabase, faults: Faults) {
            self.base = base
            self.faults = faults
        }

        func nextPiece(ofCursor cursor: UInt64) async -> CursorPiece? {
            faults.hasForgotten ? nil : await base.nextPiece(ofCursor: cursor)
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
        func close(clean: Bool, because reason: BerthError) async -> Closing {
            await faults.closing?.pass()
            return await base.close(clean: clean, because: reason)
        }
    }
}
