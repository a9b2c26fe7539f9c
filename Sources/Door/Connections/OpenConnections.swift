import FleetModel
import NIOCore
import Synchronization

/// The connections of a listener: counts them, bounds them, ends them.
final class OpenConnections: Sendable {
    typealias Book = ConnectionBook<ObjectIdentifier, ConnectionPlace>

    private struct State {
        var book: Book
        var isEnding = false
        var emptied: EventLoopPromise<Void>?
    }

    private let state: Mutex<State>

    init(_ limits: DoorLimits) { state = Mutex(State(book: Book(limits))) }

    var count: Int { state.withLock { $0.book.count } }

    /// Keeps track of a connection until it is closed. One that gives way to it is the caller's to close.
    func add(_ place: ConnectionPlace, at now: NIODeadline) -> Book.Entry {
        let id = ObjectIdentifier(place.channel)
        let address = ClientAddress(place.channel.remoteAddress)
        let (entry, isEnding) = state.withLock { state in
            (state.book.enter(id, place, from: address, at: now.uptimeNanoseconds) { $0.standing }, state.isEnding)
        }
        if case .refused = entry { return entry }
        place.channel.closeFuture.whenComplete { _ in self.remove(id) }
        if isEnding { place.channel.close(promise: nil) }
        return entry
    }

    /// The place of an open connection.
    func place(of channel: any Channel) -> ConnectionPlace? { state.withLock { $0.book[ObjectIdentifier(channel)] } }

    /// Lets every connection finish the request it is at, and none begin another.
    ///
    /// - Returns: a future that succeeds when all are closed.
    func quiesce(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let places = state.withLock { state in
            state.isEnding = true
            if state.book.count > 0 { state.emptied = promise }
            return state.book.all
        }
        if places.isEmpty { promise.succeed() }
        for place in places { place.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        return promise.futureResult
    }

    func closeAll() {
        for place in state.withLock({ $0.book.all }) { place.channel.close(promise: nil) }
    }

    private func remove(_ id: ObjectIdentifier) {
        let emptied: EventLoopPromise<Void>? = state.withLock { state in
            state.book.leave(id)
            guard state.book.count == 0 else { return nil }
            defer { state.emptied = nil }
            return state.emptied
        }
        emptied?.succeed()
    }
}
