import FleetModel
import NIOCore
import Synchronization

/// The connections of a server, so that it can end them.
final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isEnding = false
        var emptied: EventLoopPromise<Void>?
    }

    private let state = Mutex(State())

    /// Keeps track of `channel` until it is closed.
    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let isEnding = state.withLock { state in
            invariant(state.channels[id] == nil, "a connection is counted twice")
            state.channels[id] = channel
            return state.isEnding
        }
        channel.closeFuture.whenComplete { _ in self.remove(id) }
        if isEnding { channel.close(promise: nil) }
    }

    /// Lets every connection finish the request it is at, and none begin another.
    ///
    /// - Returns: a future that succeeds when all are closed.
    func quiesce(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let channels = state.withLock { state in
            state.isEnding = true
            if !state.channels.isEmpty { state.emptied = promise }
            return Array(state.channels.values)
        }
        if channels.isEmpty { promise.succeed() }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        return promise.futureResult
    }

    func closeAll() {
        for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
    }

    private func remove(_ id: ObjectIdentifier) {
        let emptied: EventLoopPromise<Void>? = state.withLock { state in
            state.channels[id] = nil
            guard state.channels.isEmpty else { return nil }
            defer { state.emptied = nil }
            return state.emptied
        }
        emptied?.succeed()
    }
}
