import Engines
import FleetModel
import Hrana

/// A batch whose answer is sent while it is made. Confined to the database's actor.
final class CursorRun {
    enum Phase {
        case running
        /// The whole answer is made.
        case complete
        /// It cannot go on; the client is yet to be told.
        case cutOff(SQLError)
    }

    let id: UInt64
    let stream: HranaStream
    let request: RequestUnderWay
    let batch: Batch
    var phase = Phase.running
    /// How the steps so far went; the next one is the one after them.
    var outcomes: [StepOutcome] = []
    /// The rows of the step that is being answered.
    var rows: (any EngineCursor)?
    /// The same, when they are read beside the writer.
    var readerRows: ReaderCursor?
    /// Lines that were not handed out yet.
    var writer = JSONWriter()
    /// The last commit the rows may show.
    var seenCommit: UInt64 = 0
    /// The database is at its next piece, as opposed to waiting for the client: it is not to be ended meanwhile.
    var isAtWork = true
    /// It is one of the database's requests under way.
    var isCounted = false

    init(_ id: UInt64, _ batch: Batch, on stream: HranaStream, _ request: RequestUnderWay) {
        self.id = id
        self.batch = batch
        self.stream = stream
        self.request = request
        writer.escapesLineEnds = true
    }

    var isRunning: Bool {
        if case .running = phase { true } else { false }
    }

    /// The lines since the last call.
    func takeLines() -> [UInt8] {
        defer { writer.removeAll() }
        return writer.bytes
    }
}
