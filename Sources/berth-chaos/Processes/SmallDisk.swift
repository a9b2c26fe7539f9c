import Foundation
import Glibc
import LocalFleet

/// A file system in memory of a fixed size, mounted where a node keeps its data, that can be filled up.
///
/// It goes with the harness, however that ends.
struct SmallDisk: Sendable {
    let path: String
    private let guardian: ChildProcess

    private static let script = #"mount -t tmpfs -o size=$2,mode=755 berth-chaos "$1" || exit 1; read -r line; umount -l "$1""#

    /// Whether this process may mount.
    static var isPossible: Bool { geteuid() == 0 && access("/usr/bin/mount", X_OK) == 0 }

    /// Mounts at `path`, which is made.
    static func mount(at path: String, bytes: Int, log: String) async throws -> SmallDisk {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let guardian = try await ChildProcess.start(
            ["/bin/sh", "-c", script, "disk", path, String(bytes)], environment: ["PATH": "/usr/bin:/bin"], output: log,
            hasLifeline: true)
        try await eventually("\(path) is mounted, see \(log)", within: .seconds(10)) {
            guard guardian.isRunning else { throw ChaosError("mount failed") }
            return isMounted(path) ? true : nil
        }
        return SmallDisk(path: path, guardian: guardian)
    }

    private static func isMounted(_ path: String) -> Bool {
        KernelFile.text("/proc/mounts").split(separator: "\n").contains { $0.split(separator: " ").dropFirst().first == path[...] }
    }

    private var ballast: String { "\(path)/ballast" }

    /// Takes all the room there is.
    func fill() throws {
        let descriptor = open(ballast, O_WRONLY | O_CREAT, 0o600)
        guard descriptor >= 0 else { throw ChaosError("The ballast in \(path) cannot be made: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var size: off_t = 0, piece: off_t = 64 << 20
        // Ever smaller pieces, until not even a page fits.
        while piece >= 4096 {
            if posix_fallocate(descriptor, size, piece) == 0 { size += piece } else { piece /= 2 }
        }
    }

    /// Gives the room back.
    func free() { unlink(ballast) }

    /// Nothing must use it any more.
    func unmount() async {
        guard guardian.isRunning else { return }
        _ = try? await ChildProcess.start(
            ["/usr/bin/umount", "-l", path], environment: ["PATH": "/usr/bin:/bin"], output: "/dev/null").exitCode()
        guardian.signal(SIGKILL)
    }
}
