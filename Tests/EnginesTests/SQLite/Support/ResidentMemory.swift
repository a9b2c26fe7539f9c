import Foundation

/// Of this process.
enum ResidentMemory {
    /// Source: `VmRSS` in `/proc/self/status`, see proc(5).
    static func bytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
    }
}
