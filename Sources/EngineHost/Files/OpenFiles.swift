import FleetModel
import Synchronization

/// The descriptors of this process that the files of open databases take.
///
/// What a process may open is limited, and whoever meets the limit first is not who can do without: a capture, a connection to the bucket.
/// So openings are counted ahead.
final class OpenFiles: Sendable {
    /// Descriptors that all databases may take together.
    let limit: Int
    private let count = Mutex(0)

    init(limit: Int) {
        invariant(limit > 0, "a host opens at least one database")
        self.limit = limit
    }

    var taken: Int { count.withLock { $0 } }

    /// Takes `wanted` more.
    ///
    /// - Returns: whether that is allowed; else nothing was taken.
    func take(_ wanted: Int) -> Bool {
        count.withLock { count in
            guard wanted <= limit - count else { return false }
            count += wanted
            return true
        }
    }

    /// What a database has changed from `former` to `present`: what is open is counted, allowed or not.
    func settle(from former: Int, to present: Int) {
        count.withLock { count in
            count += present - former
            invariant(count >= 0, "more was closed than had been opened")
        }
    }
}
