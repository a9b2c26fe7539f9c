import FleetModel
import Glibc

/// How much of a processor one thread has used.
struct ThreadClock: Sendable {
    private let id: clockid_t

    /// Of the calling thread; may be read from any other one while that lives.
    static var current: ThreadClock {
        var id = clockid_t()
        invariant(pthread_getcpuclockid(pthread_self(), &id) == 0, "a thread without a clock")
        return ThreadClock(id: id)
    }

    /// Nanoseconds; 0 of a thread that has ended.
    var nanoseconds: Int64 {
        var time = timespec()
        guard clock_gettime(id, &time) == 0 else { return 0 }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
