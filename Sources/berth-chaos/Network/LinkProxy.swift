import NIOCore
import NIOPosix
import Synchronization

/// A port of the loopback address whose connections go on to another address, each over the link of who connected.
///
/// While nobody listens at the other address, connections are refused here too, as they would be there: that tells a
/// client that nothing was executed.
final class LinkProxy: Sendable {
    /// Who connects.
    enum Source: Sendable {
        case always(String)
        /// By the port it connected from; may take a moment.
        case lookUp(@Sendable (Int) -> String)
    }

    private enum State {
        case listening(any Channel)
        /// Nobody listens behind it.
        case refusing
        case stopped
    }

    let port: Int
    private let from: Source
    private let to: String
    private let upstream: SocketAddress
    private let network: Network
    private let refusesWithUpstream: Bool
    private let state = Mutex(State.refusing)

    private static let lookInterval: Duration = .milliseconds(20)

    private init(
        port: Int, from: Source, to: String, upstream: SocketAddress, network: Network, refusesWithUpstream: Bool
    ) {
        self.port = port
        self.from = from
        self.to = to
        self.upstream = upstream
        self.network = network
        self.refusesWithUpstream = refusesWithUpstream
    }

    /// - Parameters:
    ///   - port: one that no outgoing connection is given.
    ///   - to: the party behind `upstream`.
    ///   - refusesWithUpstream: whether it listens only while `upstream` does.
    static func start(
        port: Int, from: Source, to: String, upstream: SocketAddress, network: Network, refusesWithUpstream: Bool = false
    ) async throws -> LinkProxy {
        let proxy = LinkProxy(
            port: port, from: from, to: to, upstream: upstream, network: network, refusesWithUpstream: refusesWithUpstream)
        try await proxy.listen()
        return proxy
    }

    func stop() async {
        let channel = state.withLock { state in
            defer { state = .stopped }
            return if case .listening(let channel) = state { channel } else { nil as (any Channel)? }
        }
        try? await channel?.close()
    }

    private func listen() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            // Not before it is known over which link.
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        LinkEntrance(self.from) { self.connection(of: $0, from: $1) })
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let isStopped = state.withLock { state in
            if case .stopped = state { return true }
            state = .listening(channel)
            return false
        }
        if isStopped { try? await channel.close() }
    }

    private func connection(of client: any Channel, from: String) -> LinkConnection {
        LinkConnection(
            link: Link(from: from, to: to), network: network, upstream: upstream, client: client,
            onRefused: { self.upstreamRefused() })
    }

    private func upstreamRefused() {
        guard refusesWithUpstream else { return }
        let channel = state.withLock { state -> (any Channel)? in
            guard case .listening(let channel) = state else { return nil }
            state = .refusing
            return channel
        }
        guard let channel else { return }
        Task {
            try? await channel.close()
            await listenAgain()
        }
    }

    /// Once somebody listens at the other address.
    private func listenAgain() async {
        while state.withLock({ if case .refusing = $0 { true } else { false } }) {
            if let probe = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: upstream).get() {
                try? await probe.close()
                if (try? await listen()) != nil { return }
            }
            try? await Task.sleep(for: Self.lookInterval)
        }
    }
}
