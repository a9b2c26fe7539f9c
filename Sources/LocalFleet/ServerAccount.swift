import FleetModel
import Foundation
import Glibc

/// The user a private Postgres runs as: this process's own, or an unprivileged one when that is root, as whom Postgres
/// refuses to run.
struct ServerAccount: Sendable {
    let name: String
    let uid: uid_t
    let gid: gid_t
    /// Whether this process is root and has to become the account.
    let isSwitched: Bool

    static func current() throws(BerthError) -> ServerAccount {
        guard geteuid() == 0 else {
            return ServerAccount(name: NSUserName(), uid: geteuid(), gid: getegid(), isSwitched: false)
        }
        for name in ["postgres", "nobody"] {
            if let entry = getpwnam(name) {
                return ServerAccount(name: name, uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid, isSwitched: true)
            }
        }
        throw BerthError(
            .configurationInvalid,
            "Postgres does not run as root, and there is neither a user postgres nor nobody. Run as another user, or "
                + "install the package postgresql, which makes one.")
    }

    /// `command` as this account, ending with `deathSignal` (such as `INT`) when this process dies.
    func command(_ command: [String], deathSignal: String) throws(BerthError) -> [String] {
        guard let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].first(where: FileManager.default.isExecutableFile) else {
            throw BerthError(
                .configurationInvalid, "The program setpriv is missing. Install it: apt-get install util-linux.")
        }
        let identity = isSwitched ? ["--reuid=\(uid)", "--regid=\(gid)", "--clear-groups"] : []
        // In a directory that every user may enter: Postgres's programs return to where they were started.
        return [setpriv] + identity + ["--pdeathsig=\(deathSignal)", "--", "/usr/bin/env", "--chdir=/"] + command
    }

    /// Makes a directory that only this account (and root) can enter, or gives it an existing one.
    func makePrivateDirectory(_ path: String) throws(BerthError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw BerthError(.configurationInvalid, "Cannot make the directory \(path): \(error.localizedDescription)")
        }
        guard !isSwitched || chown(path, uid, gid) == 0, chmod(path, 0o700) == 0 else {
            throw BerthError(
                .configurationInvalid,
                "Cannot make \(path) a private directory of \(name): \(String(cString: strerror(errno))).")
        }
    }
}
