import Glibc

/// How many descriptors a process may have open. An open database takes three or more, and services usually start with a soft limit of 1,024, made for
/// programs that use `select`.
enum DescriptorLimit {
    /// What a process keeps for itself, whatever databases take: connections to Postgres and the bucket, threads, logs.
    static let reserve = 64

    /// The soft limit of this process.
    static var current: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        // No limit at all is more than anybody counts to.
        return Int(min(limit.rlim_cur, 1 << 24))
    }

    /// Raises the soft limit to the hard one, for this process and those it starts. Where that is not allowed, the limit stays as it is.
    static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
