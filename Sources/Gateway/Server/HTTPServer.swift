import FleetModel
import NIOCore
import NIOHTTP1
import NIOPosix

/// Listens, and gives every connection its pipeline.
struct HTTPServer: Sendable {
    /// Connections the kernel keeps ready before they are accepted.
    private static let backlog: Int32 = 1024
    /// Headers of one request; their size is `limits.headerBytes` together.
    private static let headerFields = 128

    let eventLoops: any EventLoopGroup
    let limits: GatewayLimits
    let door: FrontDoor
    let connections: OpenConnections

    func listen(host: String, port: Int) async throws -> any Channel {
        try await ServerBootstrap(group: eventLoops)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try initialize(channel) }
            }
            .bind(host: host, port: port).get()
    }

    private func initialize(_ channel: any Channel) throws {
        var parsing = NIOHTTPDecoderLimitConfiguration()
        parsing.maxHeaderFieldSize = limits.headerBytes
        parsing.maxHeaderListSize = limits.headerBytes
        parsing.maxHeaderFieldCount = Self.headerFields
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandlers([
            IdleStateHandler(allTimeout: .nanoseconds(limits.connectionIdle.nanoseconds)),
            HTTPResponseEncoder(),
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: parsing)),
            HTTPServerPipelineHandler(),
            ConnectionHandler(
                door: door, maximumBytes: limits.bodyBytes, refusedBody: .nanoseconds(limits.refusedBody.nanoseconds)),
        ])
        connections.add(channel)
    }
}
