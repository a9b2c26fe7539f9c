public import FleetModel

/// The answer to a `DataCall`.
public struct DataReply: Sendable {
    /// HTTP status; an SQL error is part of a reply with status 200.
    public var status: Int
    public var contentType: String
    /// All of the body, or its beginning.
    public var body: [UInt8]
    /// What follows `body`; `nil` when that is nothing. Whoever has the reply owes it ``ReplyStream/cancel()``, unless it was
    /// read to its end.
    public var rest: (any ReplyStream)?

    public init(
        status: Int = 200, contentType: String = "application/json", body: [UInt8], rest: (any ReplyStream)? = nil
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.rest = rest
    }
}

/// The rest of a long answer, made while it is sent: nothing is computed ahead of the one who reads.
public protocol ReplyStream: Sendable {
    /// The next bytes, at least one; `nil` at the end. Not to be called again after the end or an error.
    ///
    /// - Throws: when the answer cannot go on. What was sent is not the whole of it, and must not look like it.
    func next() async throws(BerthError) -> [UInt8]?

    /// Nobody is going to ask for more. Twice, or after the end, does nothing.
    func cancel()
}
