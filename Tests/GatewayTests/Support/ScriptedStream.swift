import FleetModel
import Routing
import Synchronization

/// The rest of an answer, as a test lets it go on.
final class ScriptedStream: ReplyStream {
    static let failure = BerthError(.leaderUnavailable, "cut")

    enum Piece: Sendable {
        case bytes([UInt8])
        case failure
    }

    private struct State {
        var asked = 0
        var isCancelled = false
    }

    private let pieces: AsyncStream<Piece>
    private let feed: AsyncStream<Piece>.Continuation
    private let state = Mutex(State())

    init() { (pieces, feed) = AsyncStream.makeStream() }

    /// How many pieces were asked for.
    var asked: Int { state.withLock { $0.asked } }
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func give(_ text: String) { feed.yield(.bytes(Array(text.utf8))) }
    func fail() { feed.yield(.failure) }
    func end() { feed.finish() }

    func next() async throws(BerthError) -> [UInt8]? {
        state.withLock { $0.asked += 1 }
        var iterator = pieces.makeAsyncIterator()
        switch await iterator.next() {
        case .bytes(let bytes): return bytes
        case .failure: throw Self.failure
        case nil: return nil
        }
    }

    func cancel() {
        state.withLock { $0.isCancelled = true }
        feed.finish()
    }
}

/// Makes pieces for as long as someone asks.
final class EndlessStream: ReplyStream {
    static let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
    private let state = Mutex((made: 0, isCancelled: false))

    var made: Int { state.withLock { $0.made } }
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func next() async throws(BerthError) -> [UInt8]? {
        state.withLock { state in
            state.made += 1
            return state.isCancelled ? nil : Self.piece
        }
    }

    func cancel() { state.withLock { $0.isCancelled = true } }
}
