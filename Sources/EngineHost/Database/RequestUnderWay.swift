import FleetModel

/// What has to be known of a request to acknowledge it or to say honestly that it cannot be. Confined to the database's actor.
final class RequestUnderWay {
    /// By which whoever sent it knows it.
    let id: UInt64
    /// Why it may not write now.
    let writesWait: BerthError?
    let end: RequestEnd
    /// Kept between requests, and closed when this one cannot be answered.
    var stream: HranaStream?
    /// The answer goes on after its first piece: the request is under way until its end.
    var cursor: CursorRun?
    /// A statement was run: the answer shows data.
    var touchedData = false
    /// Of the rows that wait for the answer to be written, as `RowBlock.byteCount` counts them.
    var answeredBytes = 0
    /// A statement was compiled: an error that came of it shows what tables there are.
    var sawSchema = false
    /// A write transaction of this request ended, perhaps with a commit.
    var mayHaveCommitted = false
    /// Why the whole request must go elsewhere. Only set while nothing of it was executed.
    var interruption: BerthError?

    init(_ call: ParsedCall, _ end: RequestEnd) {
        self.end = end
        id = call.id
        writesWait = call.writesWait
    }

    /// What an answer to it rests on.
    func basis(upTo commit: UInt64) -> Basis {
        Basis(commit: commit, showsData: touchedData || sawSchema, mayHaveCommitted: mayHaveCommitted)
    }

    func throwIfInterrupted() throws(SQLError) {
        if let interruption { throw SQLError(code: "STREAM_EXPIRED", message: interruption.message) }
        try end.check()
    }
}
