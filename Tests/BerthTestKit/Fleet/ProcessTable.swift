import Foundation

/// The processes of this machine, as far as faults need them.
enum ProcessTable {
    /// Every process there is.
    static func all() -> [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }

    /// Words of its command line; none when there is no such process.
    static func commandLine(of pid: Int32) -> [String] {
        guard pid > 0, let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return [] }
        return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Those it started that are still there.
    static func children(of pid: Int32) -> [Int32] {
        all().filter { child in
            guard let stat = FileManager.default.contents(atPath: "/proc/\(child)/stat") else { return false }
            // After the name, which may hold anything: state, parent, …
            let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 1 && fields[1] == String(pid)
        }
    }
}
