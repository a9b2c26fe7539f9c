/// The streams of one listener; ended with it.
final class Subscribers {
    /// More than a consumer that is alive falls behind by.
    static let bufferLimit = 4096

    private var streams: [AsyncStream<PostgresNotification>.Continuation] = []

    deinit {
        for stream in streams { stream.finish() }
    }

    func add() -> AsyncStream<PostgresNotification> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: PostgresNotification.self, bufferingPolicy: .bufferingNewest(Self.bufferLimit))
        streams.append(continuation)
        return stream
    }

    func send(_ notification: PostgresNotification) {
        streams.removeAll { stream in
            switch stream.yield(notification) {
            case .dropped:
                // The oldest went. Behind every gap the stream says so.
                stream.yield(.reconnected)
                return false
            case .terminated: return true
            case .enqueued: return false
            @unknown default: return false
            }
        }
    }

    func finish() {
        for stream in streams { stream.finish() }
        streams.removeAll()
    }
}
