import Foundation

/// The machine's processes, as far as faults need them.
enum ProcessTable {
    /// Words of a process's command line; none when there is no such process.
    static func commandLine(of pid: Int32) -> [String] {
        guard pid > 0, let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return [] }
        return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Those that name `text` in their command line.
    static func naming(_ text: String) -> [Int32] {
        let all = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
        return all.filter { pid in commandLine(of: pid).contains { $0.contains(text) } }
    }
}
