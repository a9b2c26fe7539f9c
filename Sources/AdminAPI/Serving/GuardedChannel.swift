import Door
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// Hummingbird's connection with the door's handlers in its pipeline: those know bytes and HTTP, it knows requests.
///
/// Bodies have the back pressure of Hummingbird: what the API does not ask for is not read, and it asks for a body when it has accepted
/// the token.
struct GuardedChannel: ServerChildChannel {
    let http: HTTP1Channel
    let door: Door

    init(_ door: Door, responder: @escaping HTTPChannelHandler.Responder) {
        var configuration = HTTP1Channel.Configuration()
        configuration.httpDecoder = .init(
            maxHeaderFieldSize: door.parsing.maxHeaderFieldSize, maxHeaderListSize: door.parsing.maxHeaderListSize,
            maxHeaderFieldCount: door.parsing.maxHeaderFieldCount)
        http = HTTP1Channel(responder: responder, configuration: configuration)
        self.door = door
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        http.setup(channel: channel, logger: logger).flatMapThrowing { [door] value in
            try Door.configure(channel)
            guard let watchers = try door.enter(channel) else { return value }
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(watchers.bytes, position: .first)
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(watchers.requests, position: .after(decoder))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async { await http.handle(value: value, logger: logger) }
}
