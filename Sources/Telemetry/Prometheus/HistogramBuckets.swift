/// Upper bounds of a histogram's buckets, in the unit the metric's name ends with. `+Inf` is implied.
public struct HistogramBuckets: Sendable, Hashable {
    let bounds: [Double]

    /// - Parameter bounds: Sorted here; duplicates and non-finite bounds are left out.
    public init(_ bounds: [Double]) {
        self.bounds = Set(bounds.filter(\.isFinite)).sorted()
    }

    /// `count` bounds from `first`, each `factor` times the one before.
    public static func exponential(first: Double, factor: Double, count: Int) -> HistogramBuckets {
        var bounds: [Double] = []
        var bound = first
        for _ in 0..<max(0, count) {
            bounds.append(bound)
            bound *= factor
        }
        return HistogramBuckets(bounds)
    }

    /// Request latencies in seconds: half a millisecond to half a minute.
    public static let latency = HistogramBuckets([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ])

    /// Sizes in bytes: 256 B to 64 MiB, in steps of four.
    public static let bytes = HistogramBuckets.exponential(first: 256, factor: 4, count: 10)

    /// Number of bounds below `value`: the index of the bucket it falls in, `bounds.count` meaning `+Inf`.
    func index(of value: Double) -> Int {
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
