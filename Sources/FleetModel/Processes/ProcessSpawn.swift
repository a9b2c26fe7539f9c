import CLinux
import Foundation
import Glibc

/// How a program is started as a child of this process: in a session of its own, with the signals as at a system's start, and with no descriptor it
/// was not given.
public struct ProcessSpawn: Sendable {
    /// The file that is run.
    public var executable: String
    /// The first is what the child is called.
    public var arguments: [String]
    public var environment: [String: String]
    /// Descriptors of this process by the numbers they have in the child. Without one for its input that is empty; without one for its output it has
    /// this process's.
    public var descriptors: [Int32: Int32] = [:]
    /// A file that standard output and standard error are appended to.
    public var output: String?

    public init(executable: String, arguments: [String], environment: [String: String]) {
        invariant(!arguments.isEmpty, "there is nothing to start")
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// Starts it.
    ///
    /// A parent-death signal is sent when the *thread* ends that started a process: it must live as long as the process may.
    ///
    /// - Returns: the number of the child, which has to be reaped.
    /// - Throws: code `configuration_invalid`.
    public func start() throws(BerthError) -> Int32 {
        // Out of the way of the numbers they are to get.
        let above = (descriptors.keys.max() ?? 0) + 1
        let given = descriptors.sorted { $0.key < $1.key }.map { (number: $0.key, own: fcntl($0.value, F_DUPFD_CLOEXEC, max(16, above))) }
        defer { for (_, own) in given where own >= 0 { close(own) } }
        guard given.allSatisfy({ $0.own >= 0 }) else { throw failure(errno) }

        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        if descriptors[0] == nil { posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0) }
        if let output {
            posix_spawn_file_actions_addopen(&files, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o640)
            posix_spawn_file_actions_adddup2(&files, 1, 2)
        }
        for (number, own) in given { posix_spawn_file_actions_adddup2(&files, own, number) }
        for number in 3..<max(3, above) where descriptors[number] == nil { posix_spawn_file_actions_addclose(&files, number) }
        posix_spawn_file_actions_addclosefrom_np(&files, max(3, above))

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

        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
        variables.append(nil)
        defer { for variable in variables { free(variable) } }

        var pid: pid_t = 0
        let error = posix_spawn(&pid, executable, &files, &attributes, words, variables)
        guard error == 0 else { throw failure(error) }
        return pid
    }

    /// `POSIX_SPAWN_SETSID` of glibc's `spawn.h`, which hides it from Swift behind `_GNU_SOURCE`.
    private static let newSession: Int32 = 0x80

    private func failure(_ code: Int32) -> BerthError {
        BerthError(
            .configurationInvalid,
            "Cannot start \(executable)\(output.map { " with its output in \($0)" } ?? ""): \(String(cString: strerror(code))).")
    }

    /// The variables of a child, made of those of this process, so that it ends at once when it crashes.
    ///
    /// Swift's backtracer keeps a process that crashed in existence until it has read the symbols of the whole program, for up to half a minute, and its
    /// databases with it: nobody may take them over before it was reaped. What it did is told by a core file, for which the system has
    /// settings of its own.
    public static func withoutBacktracer(_ environment: [String: String]) -> [String: String] {
        var environment = environment
        environment["SWIFT_BACKTRACE"] = [environment["SWIFT_BACKTRACE"], "enable=no"].compactMap(\.self).joined(separator: ",")
        return environment
    }
}
