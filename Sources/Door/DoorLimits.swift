
/// What a listener puts up with before it knows who is asking, and of those who are slow.
public struct DoorLimits: Sendable {
    /// Connections in all, and of one address (of IPv6, one /64).
    public var connections = 16_384
    public var connectionsPerAddress = 4_096
    /// A connection without a request, and without the beginning of one, is closed after this time.
    public var idle = Duration.seconds(75)
    /// A connection whose token was accepted is not closed to make room for another before it was idle for this long.
    public var spared = Duration.seconds(30)
    /// From the first byte of a request to the end of its head.
    public var head = Duration.seconds(10)
    /// Request line and headers together, in bytes.
    public var headBytes = 64 << 10
    /// Requests of one connection that may have arrived beyond the one that is being answered.
    public var pipelinedRequests = 16
    /// In each such window a body brings `bodyRate` bytes per second, or what is left of it.
    public var bodyWindow = Duration.seconds(10)
    public var bodyRate = 4_096
    /// What still arrives of a refused request is read and thrown away for this long at most, so that a client that sends
    /// before it reads gets the answer.
    public var refusedBody = Duration.seconds(30)
    /// In each such window a client takes `answerRate` bytes per second of an answer, or what is left of it.
    public var answerWindow = Duration.seconds(30)
    public var answerRate = 4_096
    /// Bytes of answers, of all connections, that wait for their clients.
    public var answerBytes = 256 << 20

    public init() {}
}
