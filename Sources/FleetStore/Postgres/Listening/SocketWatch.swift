import Dispatch
import Glibc

/// Calls back on a queue whenever a socket has something to read, until it is released.
///
/// Watches a duplicate of the descriptor, because a dispatch source must not outlive its own.
final class SocketWatch {
    private let source: any DispatchSourceRead

    /// `nil` when no descriptor is left.
    init?(socket: Int32, queue: DispatchQueue, readable: @escaping @Sendable () -> Void) {
        let duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else { return nil }
        source = DispatchSource.makeReadSource(fileDescriptor: duplicate, queue: queue)
        source.setEventHandler(handler: readable)
        source.setCancelHandler { _ = Glibc.close(duplicate) }
        source.resume()
    }

    deinit { source.cancel() }
}
