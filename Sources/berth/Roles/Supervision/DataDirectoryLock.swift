import FleetModel
import Foundation

/// The lock on a node's data directory. Held by the supervisor and inherited by its worker, so that it is free only when
/// neither lives.
final class DataDirectoryLock: Sendable {
    let directory: String
    let descriptor: Int32

    /// - Throws: `data_directory_locked`, `disk_unavailable`.
    init(_ directory: String) throws(BerthError) {
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw BerthError(.diskUnavailable, "The data directory \(directory) cannot be made: \(error.localizedDescription)")
        }
        self.directory = directory
        descriptor = open("\(directory)/lock", O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0 else {
            throw BerthError(.diskUnavailable, "The data directory \(directory) cannot be written: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw BerthError(
                .dataDirectoryLocked,
                "Another process of Berth runs on \(directory). Stop it, or give this one a directory of its own.")
        }
    }

    deinit { close(descriptor) }

    /// Writes the worker's process number beside the lock, for people and for `berth dev`.
    func record(worker pid: Int32?) {
        let path = "\(directory)/worker.pid"
        guard let pid else {
            unlink(path)
            return
        }
        try? Data("\(pid)\n".utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// The session of the last worker that ran on this directory. Whoever holds the lock knows that this worker is dead: it inherited the lock.
    func lastSession() -> SessionID? {
        let text = try? String(contentsOfFile: "\(directory)/worker.session", encoding: .utf8)
        return text.flatMap { SessionID($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// Remembers a session ahead of the start of its worker.
    func record(session: SessionID) {
        // Forgotten, a session left behind runs out by itself.
        try? Data("\(session)\n".utf8).write(to: URL(fileURLWithPath: "\(directory)/worker.session"), options: .atomic)
    }
}
