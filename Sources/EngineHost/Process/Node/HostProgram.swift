import CLinux
import FleetModel
import Foundation
import Glibc

/// The program that hosts run, as a child of this process.
public struct HostProgram: Sendable {
    /// The file that is run.
    public var executable: String
    /// With the name it has in lists of processes; the number of this process is added.
    public var arguments: [String]
    public var environment: [String: String]

    /// - Parameter environment: that of this process; only what programs and libraries need of it is handed on, no setting and no secret.
    public init(executable: String, arguments: [String], environment: [String: String]) {
        self.executable = executable
        self.arguments = arguments
        var kept = environment.filter { name, _ in Self.isHandedOn(name) }
        // Swift's backtracer would keep a host that crashed in existence, and starts a program, which a host may not.
        kept["SWIFT_BACKTRACE"] = [kept["SWIFT_BACKTRACE"], "enable=no"].compactMap(\.self).joined(separator: ",")
        self.environment = kept
    }

    private static func isHandedOn(_ name: String) -> Bool {
        ["PATH", "HOME", "LANG", "TZ", "BERTH_FILE_FAULTS"].contains(name)
            || ["LC_", "LD_", "SWIFT_", "MALLOC_"].contains { name.hasPrefix($0) }
    }

    /// What a host inherits, under these numbers, and nothing else.
    static let socket: Int32 = 3
    static let board: Int32 = 4
    static let lock: Int32 = 5

    /// Starts it.
    ///
    /// A parent-death signal is sent when the *thread* ends that started a process: it must live as long as the process may.
    func spawn(socket: Int32, board: Int32, lock: Int32, spool: String) throws(BerthError) -> pid_t {
        // Out of the way of the numbers they are to get.
        let high = [socket, board, lock].map { fcntl($0, F_DUPFD_CLOEXEC, 16) }
        defer { for descriptor in high where descriptor >= 0 { close(descriptor) } }
        guard high.allSatisfy({ $0 >= 0 }) else { throw Self.failure(executable, errno) }

        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
        for (source, target) in zip(high, [Self.socket, Self.board, Self.lock]) {
            posix_spawn_file_actions_adddup2(&files, source, target)
        }
        posix_spawn_file_actions_addclosefrom_np(&files, Self.lock + 1)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals this process ignores or blocks would stay so in the child; a Ctrl-C is meant for this one.
        var all = sigset_t()
        sigfillset(&all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(Self.newSession | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        var words: [UnsafeMutablePointer<CChar>?] = (arguments + ["\(getpid())"]).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        // SQLite's temporary files go where the host may write.
        let variables = environment.merging(["SQLITE_TMPDIR": spool, "TMPDIR": spool]) { $1 }
        var pairs: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") }
        pairs.append(nil)
        defer { for pair in pairs { free(pair) } }

        var pid: pid_t = 0
        let error = posix_spawn(&pid, executable, &files, &attributes, words, pairs)
        guard error == 0 else { throw Self.failure(executable, error) }
        return pid
    }

    /// `POSIX_SPAWN_SETSID` of glibc's `spawn.h`, which hides it behind `_GNU_SOURCE`.
    private static let newSession: Int32 = 0x80

    private static func failure(_ executable: String, _ code: Int32) -> BerthError {
        BerthError(.configurationInvalid, "Cannot start \(executable): \(String(cString: strerror(code))).")
    }
}
