import CLinux
import FleetModel
import Glibc

/// The files a host may touch, by Linux's Landlock (since 5.13): those of the databases and its spool, and for reading what libraries want.
enum Landlock {
    /// Of `linux/landlock.h`: what the first version of it knows, and what two later ones added.
    private static let execute: UInt64 = 1 << 0
    private static let readFile: UInt64 = 1 << 2
    private static let readFolder: UInt64 = 1 << 3
    private static let writeFile: UInt64 = 1 << 1
    private static let firstVersion: UInt64 = (1 << 13) - 1
    /// Links and renames between folders, since the second version; without it they are refused altogether.
    private static let move: UInt64 = 1 << 13
    /// Since the third version.
    private static let truncate: UInt64 = 1 << 14

    /// Time zones and locales; what the process and the kernel say of memory and processors; the libraries.
    private static let readable = ["/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/opt"]
    private static let devices = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]

    /// - Returns: whether it is in force for the calling thread and those it starts.
    static func restrict(to folders: [String]) -> Bool {
        let version = berth_landlock_ruleset(nil, 0, 1)
        guard version >= 1 else { return false }
        var handled = firstVersion | (version >= 2 ? move : 0) | (version >= 3 ? truncate : 0)
        let ruleset = berth_landlock_ruleset(&handled, MemoryLayout<UInt64>.size, 0)
        guard ruleset >= 0 else { return false }
        defer { close(ruleset) }
        for folder in folders { guard allow(folder, handled & ~execute, ruleset) else { return false } }
        // What is not there needs no rule.
        for folder in readable { _ = allow(folder, execute | readFile | readFolder, ruleset) }
        for device in devices { _ = allow(device, readFile | writeFile, ruleset) }
        return berth_landlock_restrict(ruleset) == 0
    }

    private static func allow(_ path: String, _ access: UInt64, _ ruleset: Int32) -> Bool {
        let file = open(path, pathOnly | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return berth_landlock_allow(ruleset, access, file) == 0
    }

    /// `O_PATH`, which glibc hides behind `_GNU_SOURCE`.
    private static let pathOnly: Int32 = 0o10000000
}
