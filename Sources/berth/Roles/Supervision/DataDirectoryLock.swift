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

    /// The session of the last worker that ran on this directory.
    struct FormerSession: Hashable {
        var id: SessionID
        /// The worker stopped with commits that are in this directory alone.
        var keptCommits = false
    }

    private static let mark = "unpublished"

    /// What ``record(_:)`` remembered last. Whoever holds the lock knows that this worker is dead: it inherited the lock.
    func formerSession() -> FormerSession? {
        let text = try? String(contentsOfFile: "\(directory)/worker.session", encoding: .utf8)
        let words = (text ?? "").split { $0.isWhitespace }
        guard let id = words.first.flatMap({ SessionID(String($0)) }) else { return nil }
        return FormerSession(id: id, keptCommits: words.dropFirst().first.map(String.init) == Self.mark)
    }

    /// Remembers a session ahead of the start of its worker, and what it kept after it stopped.
    func record(_ session: FormerSession) {
        let text = "\(session.id)" + (session.keptCommits ? " \(Self.mark)\n" : "\n")
        // Forgotten, a session left behind runs out by itself.
        try? Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/worker.session"), options: .atomic)
    }
}
