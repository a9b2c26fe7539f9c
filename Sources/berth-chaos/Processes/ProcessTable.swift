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

    /// The paths of what a process has open; none when there is no such process.
    static func openFiles(of pid: Int32) -> [String] {
        let folder = "/proc/\(pid)/fd"
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return numbers.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)") }
    }

    /// Forgets what was the most memory a process had so far. Source: `/proc/[pid]/clear_refs` in proc(5).
    static func forgetMostMemory(of pid: Int32) { try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/\(pid)/clear_refs")) }

    /// Bytes a process has in memory, and the most it had; 0 when there is no such process.
    static func memory(of pid: Int32) -> (now: Int, most: Int) {
        func bytes(_ name: String) -> Int {
            let line = KernelFile.text("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("\(name):") }
            return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
        }
        return (bytes("VmRSS"), bytes("VmHWM"))
    }

    /// Whether a process of this number runs. One that ended and that its parent has not asked for yet does not.
    static func runs(_ pid: Int32) -> Bool {
        // The state comes after the name, which may hold anything.
        KernelFile.text("/proc/\(pid)/stat").split(separator: ")").last.map { !$0.hasPrefix(" Z") && !$0.hasPrefix(" X") } ?? false
    }
}
