import Door
import FleetModel
import NIOCore
import NIOHTTP1
import NIOPosix

/// Listens, and gives every connection its pipeline.
struct HTTPServer: Sendable {
    /// Connections the kernel keeps ready before they are accepted.
    private static let backlog: Int32 = 1024

    let eventLoops: any EventLoopGroup
    let door: Door
    let frontDoor: FrontDoor

    func listen(host: String, port: Int) async throws -> any Channel {
        try await ServerBootstrap(group: eventLoops)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Door.configure(channel)
                    try initialize(channel)
                }
            }
            .bind(host: host, port: port).get()
    }

    func initialize(_ channel: any Channel) throws {
        guard let watchers = try door.enter(channel) else { return }
        try channel.pipeline.syncOperations.addHandlers([
            watchers.bytes,
            HTTPResponseEncoder(),
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: door.parsing)),
            watchers.requests,
            HTTPServerPipelineHandler(),
            ConnectionHandler(door: frontDoor, place: watchers.place),
        ])
    }
}
