import CLinux
import FleetModel
import Foundation
import Glibc

/// Puts the limits in force that the kernel keeps, for the process that calls. Before it has threads: some of them belong to a thread, and to those
/// it starts.
///
/// None of them is needed for what a host promises its node, which looks after it in any case: what a machine does not have is told, and work goes on.
struct ResourceLimits {
    private(set) var missing: [String] = []

    /// - Returns: what is not in force.
    static func apply(_ limits: HostLimits, folders: [String]) -> [String] {
        var all = ResourceLimits()
        all.lower(limits)
        all.note("no_new_privs", berth_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        all.note("landlock", Landlock.restrict(to: folders))
        all.note("seccomp", SystemCallFilter.install())
        return all.missing
    }

    private mutating func note(_ name: String, _ isInForce: Bool) {
        if !isInForce { missing.append("\(name): \(String(cString: strerror(errno)))") }
    }

    private mutating func lower(_ limits: HostLimits) {
        umask(0o077)
        note("core", Self.set(__rlimit_resource_t(RLIMIT_CORE.rawValue), 0))
        note("nofile", Self.set(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), UInt64(max(64, limits.descriptors))))
        let mapped = MemoryUse.ofThisProcess?.mapped ?? 0
        note("as", Self.set(__rlimit_resource_t(RLIMIT_AS.rawValue), UInt64(mapped + limits.memoryBytes + limits.addressBytes)))
        note("oom_score_adj", Self.write("\(limits.outOfMemoryScore)", to: "/proc/self/oom_score_adj"))
    }

    /// Sets both limits, never above the hard one there is.
    private static func set(_ resource: __rlimit_resource_t, _ value: UInt64) -> Bool {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return false }
        limit.rlim_max = min(limit.rlim_max, rlim_t(value))
        limit.rlim_cur = limit.rlim_max
        return setrlimit(resource, &limit) == 0
    }

    private static func write(_ text: String, to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return Glibc.write(file, text, text.utf8.count) == text.utf8.count
    }
}

/// Memory of a process, in bytes, as `/proc/<pid>/statm` tells it.
struct MemoryUse: Sendable, Hashable {
    var mapped: Int64
    var resident: Int64

    static var ofThisProcess: MemoryUse? { MemoryUse(of: "self") }

    init?(of process: String) {
        let file = open("/proc/\(process)/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(file, &bytes, bytes.count)
        let fields = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        guard fields.count >= 2, let mapped = Int64(fields[0]), let resident = Int64(fields[1]) else { return nil }
        let page = Int64(getpagesize())
        self.mapped = mapped * page
        self.resident = resident * page
    }
}
