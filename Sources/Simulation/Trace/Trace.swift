import FleetModel
import Foundation
import Logging
import Synchronization

/// What happened, line by line: the timeline a failing seed prints, and what two runs of a seed are compared by.
final class Trace: Sendable {
    private struct State {
        var lines: [String] = []
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    }

    /// Whether two runs write the same bytes into files. DuckDB puts a random number into each: then the checksums of
    /// changesets, written `@…`, do not count.
    private let comparesChecksums: Bool
    private static let folder = "berth-simulate-"
    private let state = Mutex(State())

    init(comparesChecksums: Bool) { self.comparesChecksums = comparesChecksums }

    func add(_ time: Duration, _ who: String, _ what: String) {
        let seconds = String(format: "%10.4f", time.seconds)
        // Where this run has its files is its own affair.
        let what = what.contains(Self.folder) ? what.replacing(#/\/\S*berth-simulate-[0-9]+/#, with: "…") : what
        let line = "\(seconds)  \(who.padding(toLength: 10, withPad: " ", startingAt: 0))  \(what)"
        let compared = comparesChecksums ? line : line.replacing(#/@[0-9a-f]{16}/#, with: "@")
        state.withLock { state in
            // FNV-1a: enough to tell two timelines apart.
            for byte in compared.utf8 { state.digest = (state.digest ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            state.lines.append(line)
        }
    }

    var lines: [String] { state.withLock { $0.lines } }
    /// Equal for equal timelines.
    var digest: String { String(state.withLock { $0.digest }, radix: 16) }
}

/// Writes what the fleet's code logs into the timeline.
struct TraceLog: LogHandler {
    let trace: Trace
    let scheduler: Scheduler
    let who: String
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let words = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        trace.add(scheduler.now, who, ([event.message.description] + words).joined(separator: " "))
    }

    static func logger(_ trace: Trace, _ scheduler: Scheduler, _ who: String) -> Logger {
        Logger(label: "simulation") { _ in TraceLog(trace: trace, scheduler: scheduler, who: who) }
    }
}
