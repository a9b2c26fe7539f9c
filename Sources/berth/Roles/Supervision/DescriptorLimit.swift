import Glibc

/// How many descriptors a process may have open. An open database takes three or more, and services usually start with a soft limit of 1,024, made for
/// programs that use `select`.
enum DescriptorLimit {
    /// Raises the soft limit to the hard one, for this process and those it starts. Where that is not allowed, the limit stays as it is.
    static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
