import FleetModel

/// What has to be known of a request to acknowledge it or to say honestly that it cannot be. Confined to the tenant's actor.
final class RequestUnderWay {
    /// The epoch the request began in.
    let epoch: Epoch
    /// A statement was run: the answer shows data.
    var touchedData = false
    /// A write transaction of this request ended, perhaps with a commit.
    var mayHaveCommitted = false
    /// Why the whole request must go elsewhere. Only set while nothing of it was executed.
    var interruption: BerthError?

    init(epoch: Epoch) { self.epoch = epoch }

    func throwIfInterrupted() throws(SQLError) {
        if let interruption { throw SQLError(code: "STREAM_EXPIRED", message: interruption.message) }
    }
}
