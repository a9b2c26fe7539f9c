/// Writes the Prometheus text format, version 0.0.4.
///
/// Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
struct ExpositionWriter {
    private(set) var bytes: [UInt8] = []

    mutating func header(_ name: String, _ kind: MetricKind, help: String?) {
        if let help { line("# HELP \(name) \(Self.escapeHelp(help))") }
        line("# TYPE \(name) \(kind.rawValue)")
    }

    mutating func sample(_ name: String, _ labels: String, _ value: Double) {
        line(labels.isEmpty ? "\(name) \(Self.number(value))" : "\(name){\(labels)} \(Self.number(value))")
    }

    mutating func histogram(_ name: String, _ labels: LabelSet, _ buckets: HistogramBuckets,
                            _ observations: HistogramSeries.Observations) {
        var cumulative: UInt64 = 0
        for (bound, count) in zip(buckets.bounds + [.infinity], observations.counts) {
            cumulative += count
            sample("\(name)_bucket", labels.adding("le", Self.number(bound)), Double(cumulative))
        }
        sample("\(name)_sum", labels.text, observations.sum)
        sample("\(name)_count", labels.text, Double(cumulative))
    }

    private mutating func line(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        bytes.append(UInt8(ascii: "\n"))
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Whole numbers that a Double holds exactly are written without a fraction.
        if value.magnitude < 9_007_199_254_740_992, value == value.rounded() { return String(Int64(value)) }
        return value.description
    }

    private static func escapeHelp(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
