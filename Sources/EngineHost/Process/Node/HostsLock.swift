public import FleetModel
import Foundation
import Glibc
import Synchronization

/// A lock that this process and all its hosts have in common: as long as one of them lives, no other process opens the same files.
///
/// The lock on the data directory is also the supervisor's, who starts the next process as soon as one has ended; a host of the former one may
/// take a moment longer to die.
public final class HostsLock: Sendable {
    let directory: String
    let descriptor: Int32

    /// How long hosts of a process that ended may take to be gone: they are killed with it.
    private static let patience: Duration = .seconds(10)

    /// Blocks until those of a former process are gone.
    ///
    /// - Parameter directory: the node's data directory.
    /// - Throws: `data_directory_locked`, `disk_unavailable`.
    public init(_ directory: String) throws(BerthError) {
        self.directory = directory
        let path = "\(directory)/engine-hosts.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw BerthError(.diskUnavailable, "\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        let deadline = BootInstant.now + Self.patience
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard BootInstant.now < deadline else {
                close(descriptor)
                throw BerthError(.dataDirectoryLocked, "Engine hosts of another process still run on \(directory). End them.")
            }
            usleep(5_000)
        }
    }

    deinit { close(descriptor) }
}

/// How often the kernel has ended processes for want of memory.
final class OutOfMemoryCount: Sendable {
    private let counts: Mutex<(last: Int, before: Int)>

    init() {
        let now = Self.now
        counts = Mutex((now, now))
    }

    func look() {
        let now = Self.now
        counts.withLock { $0 = (now, $0.last) }
    }

    /// Since the look before the last one.
    var happened: Bool {
        let now = Self.now
        return counts.withLock { now > $0.before }
    }

    private static var now: Int {
        guard let text = try? String(contentsOfFile: "/proc/vmstat", encoding: .utf8), let range = text.range(of: "\noom_kill ") else { return 0 }
        return Int(text[range.upperBound...].prefix { $0.isNumber }) ?? 0
    }
}
