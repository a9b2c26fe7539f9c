import Synchronization

/// A door that tests hold closed: whoever comes to it waits until it is opened.
public final class Latch: Sendable {
    private struct State {
        var isOpen: Bool
        var arrivals = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    public init(isOpen: Bool = false) { state = Mutex(State(isOpen: isOpen)) }

    /// How many have come so far, whether they had to wait or not.
    public var arrivals: Int { state.withLock { $0.arrivals } }

    /// Lets everyone through, now and later.
    public func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Holds whoever comes from now on.
    public func close() { state.withLock { $0.isOpen = false } }

    /// Returns once the door is open. Not ended by a cancellation: what it holds back is under way.
    public func pass() async {
        await withCheckedContinuation { continuation in
            let passes = state.withLock { state in
                state.arrivals += 1
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if passes { continuation.resume() }
        }
    }
}
