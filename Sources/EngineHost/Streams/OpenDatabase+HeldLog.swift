import CoreMetrics
import Engines
import FleetModel
import Hrana

/// Reads that stay open keep the log from being emptied, and it grows with every write beside them: they end, by its size and their age.
extension OpenDatabase {
    /// Between two requests, or two pieces of an answer.
    func noteSnapshot(of stream: HranaStream) {
        // One that writes lets nobody else write beside it.
        let holdsSnapshot = turn.owner != stream.id && (stream.hasOpenTransaction || stream.hasOpenRows)
        stream.snapshotSince = holdsSnapshot ? stream.snapshotSince ?? host.clock.now() : nil
        endHeldRead(of: stream)
    }

    func endHeldReads() {
        for stream in streams.values where stream.isWaitingForClient { endHeldRead(of: stream) }
    }

    private func endHeldRead(of stream: HranaStream) {
        guard let since = stream.snapshotSince, heldLog.ends(readSince: since, at: host.clock.now(), host.settings) else { return }
        invariant(stream.isWaitingForClient, "a read is ended while it is carried out")
        // First: what its answer leaves does not wait for its client again.
        stream.isClosed = true
        if let cursor = stream.cursor { cutOff(cursor, because: Self.readEnded) }
        endedReads.append(stream.id)
        if endedReads.count > host.settings.maximumStreams { endedReads.removeFirst() }
        host.metrics.endedReads.increment()
        close(stream)
    }

    /// What the client of a stream is told that is not there any more.
    func streamExpired(_ baton: String?) -> HostReply {
        guard let decoded = baton.flatMap({ try? Baton(decoding: $0, tag: host.batonTag) }), endedReads.contains(decoded.streamID) else {
            return Self.streamExpired
        }
        return HostReply(status: 404, body: ResponseBody.error(Self.readEnded))
    }

    private static let readEnded = SQLError(
        code: "READ_ENDED",
        message: "This read was open for so long that the database's log could not be emptied, and was ended. Nothing was written by it. "
            + "Begin again with no baton, and read in shorter transactions or smaller pieces.")
}
