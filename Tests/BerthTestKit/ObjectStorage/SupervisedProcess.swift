import Foundation
import Glibc

/// A server process that cannot outlive the tests.
///
/// A shell starts it and ends it, by its process id, when the shell's input ends: a pipe that the kernel closes when the
/// test process ends, even by a crash.
final class SupervisedProcess: Sendable {
    // `Process` may be used from any thread for what is done here: asking whether it runs and ending its input.
    private nonisolated(unsafe) let shell: Process
    private let input: FileHandle
    private let ended: AsyncStream<Void>

    /// - Throws: What `Process.run()` throws.
    init(_ executable: String, _ arguments: [String]) throws {
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = [
            "-c",
            """
            exec 3<&0
            "$@" </dev/null 3<&- & server=$!
            (read -r line <&3; kill $server) & watcher=$!
            wait $server
            kill $watcher
            """,
            "supervisor", executable,
        ] + arguments
        let pipe = Pipe()
        shell.standardInput = pipe
        // A child that inherited this end would keep it open.
        _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        shell.standardOutput = FileHandle.nullDevice
        shell.standardError = FileHandle.nullDevice
        let (ended, continuation) = AsyncStream<Void>.makeStream()
        shell.terminationHandler = { _ in continuation.finish() }
        try shell.run()
        self.shell = shell
        self.input = pipe.fileHandleForWriting
        self.ended = ended
    }

    var isRunning: Bool { shell.isRunning }

    func stop() async {
        try? input.close()
        for await _ in ended {}
    }

    /// The first executable of that name in `PATH`.
    static func find(_ name: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 }
    }
}
