import Foundation
import Synchronization

/// How often the kernel has ended processes for want of memory.
final class OutOfMemoryCount: Sendable {
    /// `nil` where that cannot be read.
    private let counts: Mutex<(last: Int?, before: Int?)>

    init() {
        let now = Self.now
        counts = Mutex((now, now))
    }

    func look() {
        let now = Self.now
        counts.withLock { $0 = (now, $0.last) }
    }

    /// Since the look before the last one.
    var happened: Bool {
        let now = Self.now
        return counts.withLock { counts in
            guard let now, let before = counts.before else { return false }
            return now > before
        }
    }

    private static var now: Int? {
        guard let text = try? String(contentsOfFile: "/proc/vmstat", encoding: .utf8), let range = text.range(of: "\noom_kill ") else { return nil }
        return Int(text[range.upperBound...].prefix { $0.isNumber })
    }
}
