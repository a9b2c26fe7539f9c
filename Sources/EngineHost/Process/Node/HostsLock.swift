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

    /// Takes it as soon as those of a former process are gone.
    ///
    /// - Parameter directory: the node's data directory.
    /// - Throws: `data_directory_locked`, `disk_unavailable`.
    public static func take(_ directory: String) async throws(BerthError) -> HostsLock {
        let path = "\(directory)/engine-hosts.lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw BerthError(.diskUnavailable, "\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        let lock = HostsLock(directory, descriptor)
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return lock }
        let outcome = Outcome()
        // The kernel wakes it. When it never does, this process ends, and the thread with it.
        Thread.start(named: "hosts-lock") {
            while flock(lock.descriptor, LOCK_EX) != 0 && errno == EINTR {}
            outcome.tell(true)
        }
        let timer = Task {
            try await Task.sleep(for: patience)
            outcome.tell(false)
        }
        defer { timer.cancel() }
        guard await outcome.value else {
            throw BerthError(.dataDirectoryLocked, "Engine hosts of another process still run on \(directory). End them.")
        }
        return lock
    }

    private init(_ directory: String, _ descriptor: Int32) {
        self.directory = directory
        self.descriptor = descriptor
    }

    /// Whether the lock was got, as far as it is told first.
    private final class Outcome: Sendable {
        private let state = Mutex<(told: Bool?, waiter: CheckedContinuation<Bool, Never>?)>((nil, nil))

        func tell(_ isMine: Bool) {
            let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                guard state.told == nil else { return nil }
                state.told = isMine
                return state.waiter
            }
            waiter?.resume(returning: isMine)
        }

        var value: Bool {
            get async {
                await withCheckedContinuation { continuation in
                    let told = state.withLock { state -> Bool? in
                        if state.told == nil { state.waiter = continuation }
                        return state.told
                    }
                    if let told { continuation.resume(returning: told) }
                }
            }
        }
    }

    deinit { close(descriptor) }
}
