import Glibc
import NIOCore
import NIOPosix

/// One connection over a link: what one side sends reaches the other when the link's condition lets it.
///
/// Lives on one event loop.
final class LinkConnection {
    private let link: Link
    private let network: Network
    private let upstream: SocketAddress
    private let client: any Channel
    private let onRefused: @Sendable () -> Void
    private var server: (any Channel)?
    private var isConnecting = false
    private var isOver = false
    private var watching: Network.Ticket?
    private var forth = HeldBytes(), back = HeldBytes()
    /// Directions whose sender is not read from.
    private var unread: Set<LinkCondition.Direction> = []
    private var wakeups: [LinkCondition.Direction: (at: NIODeadline, task: Scheduled<Void>)] = [:]

    /// Past this the sender is not read from until some of it has arrived.
    private static let most = 4 << 20

    /// - Parameter onRefused: called when nobody listens at `upstream`.
    init(
        link: Link, network: Network, upstream: SocketAddress, client: any Channel, onRefused: @escaping @Sendable () -> Void
    ) {
        self.link = link
        self.network = network
        self.upstream = upstream
        self.client = client
        self.onRefused = onRefused
    }

    private var loop: any EventLoop { client.eventLoop }

    func begin() {
        let here = NIOLoopBound(self, eventLoop: loop), loop = self.loop
        watching = network.watch(link) { loop.execute { here.value.conditionChanged() } }
        conditionChanged()
    }

    func received(_ bytes: ByteBuffer, _ direction: LinkCondition.Direction) {
        add(.bytes(bytes), direction)
    }

    /// The sender of this direction closed the connection.
    func ended(_ direction: LinkCondition.Direction) {
        add(.end, direction)
    }

    /// Ends both sides as a broken connection does.
    func reset() {
        guard !isOver else { return }
        over()
        for channel in [client, server].compactMap({ $0 }) { Self.abort(channel) }
    }

    // MARK: -

    private func conditionChanged() {
        guard !isOver else { return }
        let condition = network.condition(of: link)
        if condition.isCut { return reset() }
        if condition.delay == .zero && condition.rate == nil {
            forth.hurry(now: .now())
            back.hurry(now: .now())
        }
        connectIfPossible(condition)
        pass(.forth)
        pass(.back)
    }

    private func connectIfPossible(_ condition: LinkCondition) {
        guard server == nil, !isConnecting, !condition.held.contains(.forth) else { return }
        isConnecting = true
        let here = NIOLoopBound(self, eventLoop: loop), loop = self.loop
        var bootstrap = ClientBootstrap(group: loop).connectTimeout(.seconds(5))
        if upstream.ipAddress != nil { bootstrap = bootstrap.channelOption(.socketOption(.tcp_nodelay), value: 1) }
        bootstrap
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(LinkTap(here.value, .back))
                }
            }
            .connect(to: upstream)
            .whenComplete { result in
                loop.execute {
                    switch result {
                    case .success(let channel): here.value.connected(channel)
                    case .failure:
                        here.value.onRefused()
                        here.value.reset()
                    }
                }
            }
    }

    private func connected(_ channel: any Channel) {
        guard !isOver else { return Self.abort(channel) }
        server = channel
        pass(.forth)
        pass(.back)
    }

    private func add(_ item: HeldBytes.Item, _ direction: LinkCondition.Direction) {
        guard !isOver else { return }
        let condition = network.condition(of: link)
        withBytes(direction) { $0.append(item, now: .now(), condition: condition) }
        pass(direction)
    }

    private func withBytes<T>(_ direction: LinkCondition.Direction, _ body: (inout HeldBytes) -> T) -> T {
        switch direction {
        case .forth: body(&forth)
        case .back: body(&back)
        }
    }

    /// Lets arrive what may.
    private func pass(_ direction: LinkCondition.Direction) {
        guard !isOver, let server else { return }
        let (sender, receiver) = direction == .forth ? (client, server) : (server, client)
        if !network.condition(of: link).held.contains(direction) {
            var hasWritten = false
            while let item = withBytes(direction, { $0.next(now: .now()) }) {
                switch item {
                case .bytes(let buffer):
                    receiver.write(buffer, promise: nil)
                    hasWritten = true
                case .end:
                    receiver.flush()
                    over()
                    client.close(promise: nil)
                    server.close(promise: nil)
                    return
                }
            }
            if hasWritten { receiver.flush() }
            wakeUp(direction)
        }
        let isFull = withBytes(direction) { $0.count } > Self.most
        guard isFull != unread.contains(direction) else { return }
        if isFull { unread.insert(direction) } else { unread.remove(direction) }
        sender.setOption(.autoRead, value: !isFull).whenFailure { _ in }
    }

    private func wakeUp(_ direction: LinkCondition.Direction) {
        guard let due = withBytes(direction, { $0.nextDue }) else { return }
        if let known = wakeups[direction], known.at <= due, known.at > .now() { return }
        let here = NIOLoopBound(self, eventLoop: loop)
        wakeups[direction]?.task.cancel()
        wakeups[direction] = (due, loop.scheduleTask(deadline: due) { here.value.pass(direction) })
    }

    private func over() {
        isOver = true
        if let watching { network.leave(link, watching) }
        for wakeup in wakeups.values { wakeup.task.cancel() }
        wakeups = [:]
    }

    /// Closes with a reset rather than an orderly end.
    private static func abort(_ channel: any Channel) {
        guard let socket = channel as? any SocketOptionProvider else { return channel.close(promise: nil) }
        socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }
}
