import FleetModel
package import NIOCore
package import NIOHTTP1

/// What every listener of Berth does before a request is anybody's: bounds connections in all and for each address, gives
/// heads, bodies and readers their time, and bounds what answers wait in memory.
///
/// It knows no token and no database. One for each listener; its handlers stand in front of whatever answers.
///
/// Start reading at `ConnectionProgress` (deadlines) and `ConnectionBook` (room).
package final class Door: Sendable {
    package let limits: DoorLimits
    private let paces: PaceLimits
    private let connections: OpenConnections
    private let answers: AnswersInFlight
    private let counters = DoorCounters()
    private let bytesWaiting: BytesWaiting

    /// Headers of one request; their size is `limits.headBytes` together.
    private static let headerFields = 128
    /// Above this many bytes that wait to be taken, a client is behind.
    private static let behind = ChannelOptions.Types.WriteBufferWaterMark(low: 4 << 10, high: 16 << 10)

    package convenience init(_ limits: DoorLimits) {
        // An option that every socket has; a channel without it is never behind.
        self.init(limits) { (try? $0.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }
    }

    /// - Parameter bytesWaiting: what a channel was given to write and its socket did not take.
    init(_ limits: DoorLimits, bytesWaiting: @escaping BytesWaiting) {
        self.bytesWaiting = bytesWaiting
        self.limits = limits
        paces = PaceLimits(limits)
        connections = OpenConnections(limits)
        answers = AnswersInFlight(maximumBytes: limits.answerBytes)
    }

    /// For `HTTPRequestDecoder`.
    package var parsing: NIOHTTPDecoderLimitConfiguration {
        var parsing = NIOHTTPDecoderLimitConfiguration()
        parsing.maxHeaderFieldSize = limits.headBytes
        parsing.maxHeaderListSize = limits.headBytes
        parsing.maxHeaderFieldCount = Self.headerFields
        return parsing
    }

    /// What is worth showing: `berth_door_connections_open` and `berth_door_answer_bytes`.
    package var gauges: [(name: String, value: Double)] {
        [
            ("berth_door_connections_open", Double(connections.count)),
            ("berth_door_answer_bytes", Double(answers.bytes)),
        ]
    }

    /// Lets a connection in that was just accepted. On its event loop.
    ///
    /// - Returns: handlers for its pipeline; `nil` when there is no room for it, and it has a pipeline that says so.
    package func enter(_ channel: any Channel) throws -> Watchers? {
        let now = channel.eventLoop.now
        let place = ConnectionPlace(channel, at: now)
        switch connections.add(place, at: now) {
        case .enters: break
        case .replaces(let gone):
            counters.ended(for: .room)
            gone.channel.close(promise: nil)
        case .refused(let shortage):
            counters.refused(for: shortage)
            try channel.pipeline.syncOperations.addHandler(Turnaway(), position: .first)
            return nil
        }
        let watch = ConnectionWatch(
            place, limits: paces, answers: answers, counters: counters, bytesWaiting: bytesWaiting, at: now)
        return Watchers(bytes: ByteWatch(watch), requests: RequestWatch(watch), place: place)
    }

    /// Options of an accepted connection.
    package static func configure(_ channel: any Channel) throws {
        try channel.syncOptions?.setOption(.writeBufferWaterMark, value: behind)
        // One read at a time: what arrives while reading is paused stays with the kernel, but for one buffer.
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
    }

    /// A token that came over this connection was accepted.
    package func becameKnown(_ channel: any Channel) { connections.place(of: channel)?.becomeKnown() }

    /// Lets every connection finish the request it is at, and none begin another.
    ///
    /// - Returns: a future that succeeds when all are closed.
    package func quiesce(on eventLoop: any EventLoop) -> EventLoopFuture<Void> { connections.quiesce(on: eventLoop) }

    package func closeAll() { connections.closeAll() }

    /// The two handlers of one connection.
    package struct Watchers {
        /// First in the pipeline.
        package let bytes: any ChannelHandler
        /// Right behind `HTTPRequestDecoder`.
        package let requests: any ChannelHandler
        package let place: ConnectionPlace
    }
}
