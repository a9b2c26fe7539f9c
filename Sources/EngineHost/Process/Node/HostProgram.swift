import FleetModel
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
        // It starts no program, a backtracer neither.
        self.environment = ProcessSpawn.withoutBacktracer(environment.filter { name, _ in Self.isHandedOn(name) })
    }

    private static func isHandedOn(_ name: String) -> Bool {
        ["PATH", "HOME", "LANG", "TZ", "BERTH_FILE_FAULTS"].contains(name)
            || ["LC_", "LD_", "SWIFT_", "MALLOC_"].contains { name.hasPrefix($0) }
    }

    /// What a host inherits, under these numbers, and nothing else.
    static let socket: Int32 = 3
    static let board: Int32 = 4
    static let lock: Int32 = 5

    /// Starts it, on a thread that lives as long as the process may.
    func spawn(socket: Int32, board: Int32, lock: Int32, spool: String) throws(BerthError) -> pid_t {
        // SQLite's temporary files go where the host may write.
        var spawn = ProcessSpawn(
            executable: executable, arguments: arguments + ["\(getpid())"],
            environment: environment.merging(["SQLITE_TMPDIR": spool, "TMPDIR": spool]) { $1 })
        spawn.descriptors = [Self.socket: socket, Self.board: board, Self.lock: lock]
        return try spawn.start()
    }
}
