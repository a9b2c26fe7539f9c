public import FleetModel

/// What a client sends back to go on with a stream.
///
/// A baton is used once: `sequence` counts the requests of its stream. It names all that must not have changed since it
/// was given out: the database, the epoch in which its leader led, and the token of whoever asked.
public struct Baton: Sendable, Hashable {
    public var streamID: UInt64
    public var sequence: UInt64
    public var database: DatabaseID
    public var epoch: Epoch
    /// A digest of the token (or of its subject) that the stream belongs to; empty when nobody needs a token.
    public var tokenDigest: [UInt8]
    /// All there is to the stream, when it holds nothing that only its leader has: no transaction, no temporary table, no setting, no
    /// stored SQL. Any leader can go on with it, at any time.
    public var counters: SessionCounters?

    public init(
        streamID: UInt64, sequence: UInt64, database: DatabaseID, epoch: Epoch, tokenDigest: [UInt8], counters: SessionCounters? = nil
    ) {
        self.streamID = streamID
        self.sequence = sequence
        self.database = database
        self.epoch = epoch
        self.tokenDigest = tokenDigest
        self.counters = counters
    }
}

/// Why a text is not a baton of ours. A client may be told `STREAM_EXPIRED` for both.
public enum BatonError: Error, Sendable, Hashable {
    /// Not base64url, too short or too long, or of another version.
    case malformed
    /// Its tag is not the one that the key gives.
    case forged
}
