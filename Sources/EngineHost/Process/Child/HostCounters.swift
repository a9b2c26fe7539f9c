import CoreMetrics
import Synchronization

/// What a host counts and its node tells: the counters of ``HostMetrics``.
enum HostCounter: String, CaseIterable {
    case statements = "berth_statements_total"
    case failedCheckpoints = "berth_checkpoint_failures_total"
    case endedReads = "berth_held_log_reads_ended_total"
    case refusedOpenings = "berth_openings_refused_total"
    case pushedBack = "berth_writes_pushed_back_total"
    case refusedBySize = "berth_writes_refused_by_size_total"
    case refusedByDisk = "berth_writes_refused_by_disk_total"
}

/// The metrics of a host's process: counted here, and told to the node now and then.
final class HostCounters: MetricsFactory {
    private final class Count: CounterHandler {
        private let count = Atomic<UInt64>(0)

        func increment(by amount: Int64) { count.add(UInt64(clamping: amount), ordering: .relaxed) }
        func reset() {}
        func take() -> UInt64 { count.exchange(0, ordering: .relaxed) }
    }

    private let counts: [HostCounter: Count] = Dictionary(uniqueKeysWithValues: HostCounter.allCases.map { ($0, Count()) })
    /// For what no node asks.
    private let others = NOOPMetricsHandler.instance

    /// Hands out what was counted since the last time.
    func takeAll(_ body: (HostCounter, UInt64) -> Void) {
        for (counter, count) in counts {
            let taken = count.take()
            if taken > 0 { body(counter, taken) }
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        HostCounter(rawValue: label).flatMap { counts[$0] } ?? others
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler { others }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { others }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
