import FleetModel
import Foundation
import Glibc

/// The files of one private Postgres.
struct PostgresDataDirectory: Sendable {
    let path: String

    /// What is at `path`.
    enum Content: Equatable {
        case nothing
        /// A database cluster of this major version.
        case cluster(majorVersion: Int)
    }

    /// - Throws: `BerthError` with code `configuration_invalid` when something else is there.
    func content() throws(BerthError) -> Content {
        if let version = try? String(contentsOfFile: "\(path)/PG_VERSION", encoding: .utf8),
            let major = Int(version.trimmingCharacters(in: .whitespacesAndNewlines))
        {
            return .cluster(majorVersion: major)
        }
        guard (try? FileManager.default.contentsOfDirectory(atPath: path))?.isEmpty ?? true else {
            throw BerthError(
                .configurationInvalid,
                "\(path) is neither empty nor a data directory of Postgres. Name another directory, or empty this one.")
        }
        return .nothing
    }

    /// Beside the data directory, renamed when complete: a half-made cluster is never taken for one.
    var unfinishedPath: String { "\(path).unfinished" }

    /// Moves what `initdb` made to its place.
    func adoptUnfinished() throws(BerthError) {
        guard rename(unfinishedPath, path) == 0 else {
            throw BerthError(
                .configurationInvalid,
                "Cannot rename \(unfinishedPath) to \(path): \(String(cString: strerror(errno))).")
        }
    }

    /// The processes of a server that still works in this directory.
    ///
    /// Every process of Postgres has the data directory as its working directory; a number in `postmaster.pid` proves nothing, as
    /// it may be another process's by now.
    func serverProcesses() -> [pid_t] {
        guard let resolved = realpath(path, nil) else { return [] }
        defer { free(resolved) }
        let directory = String(cString: resolved)
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { pid_t($0) }.filter { pid in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")) == directory
                && (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8))?.hasPrefix("postgres") == true
        }
    }

    /// Removes the lock files a dead server left; only when `serverProcesses()` is empty.
    func removeStaleLocks(socketDirectory: String) {
        unlink("\(path)/postmaster.pid")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: socketDirectory)) ?? []
        for name in names where name.hasPrefix(".s.PGSQL.") { unlink("\(socketDirectory)/\(name)") }
    }
}
