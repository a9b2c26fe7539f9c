import Foundation
import Glibc
import Synchronization

/// Directories of one test process, below one that carries its number and goes when it exits.
enum TestDirectory {
    private static let prefix = "berth-test-"
    private static let root = "/tmp/\(prefix)\(getpid())"
    private static let count = Atomic(0)
    private static let servers = Mutex<[pid_t]>([])
    private static let exitHandler: Void = {
        atexit { TestDirectory.cleanUp() }
    }()

    /// A new directory that every user may enter; its path is short, for sockets.
    static func make() throws -> String {
        _ = exitHandler
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        let path = "\(root)/\(number)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        return path
    }

    /// Ends the postmaster `server` before the directories are removed.
    static func stopAtExit(server: pid_t) { servers.withLock { $0.append(server) } }

    /// A test process that crashed could not clean up; its servers ended with it.
    static func removeThoseOfDeadProcesses() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? []
        for name in names where name.hasPrefix(prefix) {
            guard let pid = pid_t(name.dropFirst(prefix.count)), kill(pid, 0) != 0, errno == ESRCH else { continue }
            try? FileManager.default.removeItem(atPath: "/tmp/\(name)")
        }
    }

    private static func cleanUp() {
        for server in servers.withLock({ $0 }) {
            kill(server, SIGQUIT)
            // The thread that started it reaps it; then the number is gone. Ten seconds at most.
            for _ in 0..<1000 where kill(server, 0) == 0 { usleep(10_000) }
        }
        try? FileManager.default.removeItem(atPath: root)
    }
}
