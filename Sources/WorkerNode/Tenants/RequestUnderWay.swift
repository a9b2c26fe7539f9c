import FleetModel

/// What has to be known of a request to acknowledge it or to say honestly that it cannot be. Confined to the tenant's actor.
final class RequestUnderWay {
    /// The epoch the request began in.
    let epoch: Epoch
    /// The tenant's life the request began in.
    let life: UInt64
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

    init(epoch: Epoch, life: UInt64) {
        self.epoch = epoch
        self.life = life
    }

    func throwIfInterrupted() throws(SQLError) {
        if let interruption { throw SQLError(code: "STREAM_EXPIRED", message: interruption.message) }
    }
}
