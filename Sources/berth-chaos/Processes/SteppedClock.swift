import Foundation
import LocalFleet

/// Processes whose clocks since boot are ahead of, or behind, those of the machine: in a time namespace of their own.
///
/// The kernel fixes the offset when the first process enters, so a step takes effect with a restart.
enum SteppedClock {
    private static let unshare = "/usr/bin/unshare"

    /// Words before a command.
    static func prefix(seconds: Int) -> [String] {
        [unshare, "--time", "--boottime", String(seconds), "--monotonic", String(seconds), "--"]
    }

    /// Whether this machine lets this process do it, found out by doing it.
    static func isPossible(in directory: String) async -> Bool {
        let output = "\(directory)/uptime", step = 1_000_000.0
        guard let here = uptime("/proc/uptime"),
            let child = try? await ChildProcess.start(
                prefix(seconds: Int(step)) + ["/bin/cat", "/proc/uptime"], environment: [:], output: output),
            await child.exitCode() == 0, let there = uptime(output)
        else { return false }
        try? FileManager.default.removeItem(atPath: output)
        return there > here + step / 2
    }

    /// A step as far back as the clock allows, or forward.
    static func step(strength: Double) -> Int {
        let back = min(3600, Int((uptime("/proc/uptime") ?? 0) / 2))
        return Int(Double(-back) + strength * Double(back + 86_400))
    }

    private static func uptime(_ file: String) -> Double? {
        (try? String(contentsOfFile: file, encoding: .utf8))?.split(separator: " ").first.flatMap { Double($0) }
    }
}
