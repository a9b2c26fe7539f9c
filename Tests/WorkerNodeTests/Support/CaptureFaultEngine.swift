import Changesets
import FleetModel
import Synchronization

@testable import Engines

/// SQLite whose captures fail as often as a test wants, each time before anything is captured.
struct CaptureFaultEngine: Engine {
    /// The errors of the next captures.
    final class Faults: Sendable {
        private let errors = Mutex<[CaptureError]>([])

        func add(_ error: CaptureError, times: Int = 1) {
            errors.withLock { $0 += Array(repeating: error, count: times) }
        }

        var areOver: Bool { errors.withLock(\.isEmpty) }

        func throwNext() throws(CaptureError) {
            if let error = errors.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw error }
        }
    }

    let faults = Faults()
    private var base: any Engine = SQLiteEngine()

    func timed(by clock: any FleetClock) -> any Engine {
        var engine = self
        engine.base = base.timed(by: clock)
        return engine
    }

    var kind: EngineKind { base.kind }
    var profile: HADBP.Profile { base.profile }

    func open(_ path: String, base known: CaptureBase, settings: DatabaseSettings) throws(SQLError) -> any EngineDatabase {
        Database(base: try base.open(path, base: known, settings: settings), faults: faults)
    }

    func build(at path: String) throws(BerthError) -> any EngineFileBuilder { try base.build(at: path) }
    func apply(_ sets: [PageSet], to path: String) throws(BerthError) { try base.apply(sets, to: path) }
    func verify(_ path: String) throws(SQLError) { try base.verify(path) }

    private final class Database: EngineDatabase {
        private let base: any EngineDatabase
        private let faults: Faults

        init(base: any EngineDatabase, faults: Faults) {
            self.base = base
            self.faults = faults
        }

        func takeConnection() throws(SQLError) -> any EngineConnection { try base.takeConnection() }
        func giveBack(_ connection: any EngineConnection) { base.giveBack(connection) }
        var commitMark: UInt64 { base.commitMark }

        func capture(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges? {
            try faults.throwNext()
            return try base.capture(spool: spool)
        }

        func captureAll(spool: SpoolRule?) throws(CaptureError) -> CapturedChanges {
            try faults.throwNext()
            return try base.captureAll(spool: spool)
        }

        var nextCaptureIsFull: Bool { base.nextCaptureIsFull }
        var captureMark: CaptureMark? { base.captureMark }
        func walBytes() throws(CaptureError) -> Int { try base.walBytes() }
        func checkpoint(above bytes: Int) throws(CaptureError) { try base.checkpoint(above: bytes) }
        func closeClean() throws(CaptureError) { try base.closeClean() }
        func close() { base.close() }
    }
}
