/// All series of one name.
struct MetricFamily: Sendable {
    enum Series: Sendable {
        case counter([LabelSet: CounterSeries])
        case gauge([LabelSet: GaugeSeries])
        case histogram([LabelSet: HistogramSeries], HistogramBuckets)
    }

    var series: Series

    var kind: MetricKind {
        switch series {
        case .counter: .counter
        case .gauge: .gauge
        case .histogram: .histogram
        }
    }

    /// Removes the series that is this object, if it is here.
    mutating func remove(_ handler: AnyObject) {
        switch series {
        case .counter(let members): series = .counter(members.filter { $0.value !== handler })
        case .gauge(let members): series = .gauge(members.filter { $0.value !== handler })
        case .histogram(let members, let buckets):
            series = .histogram(members.filter { $0.value !== handler }, buckets)
        }
    }
}
