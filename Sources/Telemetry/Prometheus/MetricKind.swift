/// The type of a metric family, as the `# TYPE` line names it.
enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}
