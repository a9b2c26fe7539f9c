import Metrics
import Synchronization

/// Observations counted in buckets: swift-metrics' timers (in seconds) and aggregating recorders (as recorded).
///
/// A lock and not atomics: bucket, sum and count must agree in a scrape, and the lock is held for three additions.
final class HistogramSeries: TimerHandler, RecorderHandler {
    struct Observations {
        /// One per bound, not cumulative, and a last one for `+Inf`.
        var counts: [UInt64]
        var sum = 0.0
    }

    let buckets: HistogramBuckets
    private let state: Mutex<Observations>

    init(buckets: HistogramBuckets) {
        self.buckets = buckets
        self.state = Mutex(Observations(counts: Array(repeating: 0, count: buckets.bounds.count + 1)))
    }

    var observations: Observations { state.withLock { $0 } }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        // One NaN would make the sum NaN for the rest of the process's life.
        guard value.isFinite else { return }
        let index = buckets.index(of: value)
        state.withLock {
            $0.counts[index] += 1
            $0.sum += value
        }
    }
}
