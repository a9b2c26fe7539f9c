import Glibc
import Synchronization

/// Takes finished log lines.
public protocol LogSink: Sendable {
    /// - Parameter line: One record with its line feed.
    func write(_ line: [UInt8])
}

/// Standard error, one whole line at a time.
public final class StandardErrorSink: LogSink {
    /// One for the process, so that lines of different loggers do not mix.
    public static let shared = StandardErrorSink()

    private let turn = Mutex(())

    public func write(_ line: [UInt8]) {
        turn.withLock { _ in
            line.withUnsafeBytes { buffer in
                var rest = buffer[...]
                while !rest.isEmpty {
                    let written = Glibc.write(STDERR_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                    if written > 0 {
                        rest = rest.dropFirst(written)
                    } else if errno != EINTR {
                        // There is nowhere left to report that standard error is gone.
                        return
                    }
                }
            }
        }
    }
}
