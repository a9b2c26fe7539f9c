public import Metrics
import Synchronization

/// Keeps what the process measures and writes it in the Prometheus text format.
///
/// A swift-metrics back end: bootstrap it once (`MetricsSystem.bootstrap(registry)`) and every `Counter`, `Gauge`,
/// `Meter`, `Recorder` and `Timer` lands here. Names are taken as given, so they carry their unit and `_total`
/// themselves; characters Prometheus does not know become `_`. Timers and aggregating recorders become histograms,
/// timers in seconds. Recording takes no lock of the registry; asking for a series by name does, so code on a hot path
/// keeps its `Counter` or `Timer`.
///
/// A name has one kind for the life of the process. A series asked for under another kind works and is not shown;
/// `berth_metric_name_conflicts` then says that it happened.
public final class PrometheusRegistry: MetricsFactory {
    /// The `Content-Type` of ``render()``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    struct State {
        var families: [String: MetricFamily] = [:]
        var help: [String: String] = [:]
        var buckets: [String: HistogramBuckets] = [:]
        var collectors: [@Sendable (inout Scrape) -> Void] = []
        var conflicts = 0
    }

    private let defaultBuckets: HistogramBuckets
    private let state = Mutex(State())

    /// - Parameter defaultBuckets: For histograms nobody described.
    public init(defaultBuckets: HistogramBuckets = .latency) {
        self.defaultBuckets = defaultBuckets
    }

    /// Sets the help text of a name, and the buckets of its histograms.
    ///
    /// Buckets take effect when they are given before the first series of that name is made.
    public func describe(name: String, help: String, buckets: HistogramBuckets? = nil) {
        let name = MetricName.metric(name)
        state.withLock {
            $0.help[name] = help
            if let buckets { $0.buckets[name] = buckets }
        }
    }

    /// Registers a closure that is called at every scrape and adds values that are states, such as leases held.
    ///
    /// It runs on the scraping task and must not block. It stays for the life of the registry.
    public func collect(_ collector: @escaping @Sendable (inout Scrape) -> Void) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// Everything there is, families by name and series by labels, in the Prometheus text format.
    public func render() -> [UInt8] {
        let collectors = state.withLock { $0.collectors }
        var scrape = Scrape()
        // Outside the lock: a collector may itself make a series.
        for collector in collectors { collector(&scrape) }
        let snapshot = state.withLock { $0 }
        return snapshot.render(with: scrape)
    }

    /// ``render()`` as a string.
    public func renderText() -> String {
        String(decoding: render(), as: UTF8.self)
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions)
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        counter(label, dimensions)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate { histogram(label, dimensions) } else { gauge(label, dimensions) }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions)
    }

    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    // MARK: Series

    private func counter(_ rawName: String, _ dimensions: [(String, String)]) -> CounterSeries {
        let (name, labels) = (MetricName.metric(rawName), LabelSet(dimensions))
        return state.withLock { state in
            switch state.families[name]?.series ?? .counter([:]) {
            case .counter(var members):
                if let member = members[labels] { return member }
                let member = CounterSeries()
                members[labels] = member
                state.families[name] = MetricFamily(series: .counter(members))
                return member
            case .gauge, .histogram:
                state.conflicts += 1
                return CounterSeries()
            }
        }
    }

    private func gauge(_ rawName: String, _ dimensions: [(String, String)]) -> GaugeSeries {
        let (name, labels) = (MetricName.metric(rawName), LabelSet(dimensions))
        return state.withLock { state in
            switch state.families[name]?.series ?? .gauge([:]) {
            case .gauge(var members):
                if let member = members[labels] { return member }
                let member = GaugeSeries()
                members[labels] = member
                state.families[name] = MetricFamily(series: .gauge(members))
                return member
            case .counter, .histogram:
                state.conflicts += 1
                return GaugeSeries()
            }
        }
    }

    private func histogram(_ rawName: String, _ dimensions: [(String, String)]) -> HistogramSeries {
        let (name, labels) = (MetricName.metric(rawName), LabelSet(dimensions))
        return state.withLock { state in
            let known = state.families[name]?.series
            switch known ?? .histogram([:], state.buckets[name] ?? defaultBuckets) {
            case .histogram(var members, let buckets):
                if let member = members[labels] { return member }
                let member = HistogramSeries(buckets: buckets)
                members[labels] = member
                state.families[name] = MetricFamily(series: .histogram(members, buckets))
                return member
            case .counter, .gauge:
                state.conflicts += 1
                return HistogramSeries(buckets: defaultBuckets)
            }
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for name in state.families.keys { state.families[name]?.remove(handler) }
        }
    }
}
