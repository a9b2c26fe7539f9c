import Foundation

/// The machine's processes, as far as faults need them.
enum ProcessTable {
    /// Words of a process's command line; none when there is no such process.
    static func commandLine(of pid: Int32) -> [String] {
        pid > 0 ? KernelFile.text("/proc/\(pid)/cmdline").split(separator: "\0").map(String.init) : []
    }

    /// Processes that `parent` started and that run. Source: `/proc/[pid]/task/[tid]/children` in proc(5).
    static func children(of parent: Int32) -> [Int32] {
        guard parent > 0, let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task") else { return [] }
        return threads.flatMap { KernelFile.text("/proc/\(parent)/task/\($0)/children").split(separator: " ").compactMap { Int32($0) } }.sorted()
    }
}
