import EngineHost
import FleetModel

@testable import WorkerNode

/// Asked for nothing.
final class UnusedDatabase: HostedDatabase {
    func serve(_ call: HostCall) async -> HostAnswer { HostAnswer(.failure(BerthError(.internalError, "unused")), .nothing) }
    func nextPiece(ofCursor cursor: UInt64) async -> CursorPiece? { nil }
    func cancelCursor(_ cursor: UInt64) {}
    func cutOffCursor(_ cursor: UInt64) async {}
    func discard(stream: UInt64?, cursor: UInt64?) async {}
    func cut(_ order: CutOrder) async throws(CutFailure) -> CutResult { .nothing(through: 0) }
    func drain(until deadline: Duration) async {}
    func endDraining() {}
    func resume() async {}
    func foldForClosing(head: ChainPosition) async -> Folding { .folded }
    func raise(to epoch: Epoch) async {}
    func closeIfAtRest(head: ChainPosition) async -> Closing? { nil }
    func close(clean: Bool, because reason: BerthError) async -> Closing { .dirty }
}
