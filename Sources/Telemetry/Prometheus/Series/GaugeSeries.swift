import Metrics

/// A value that goes up and down: swift-metrics' gauges and meters.
final class GaugeSeries: RecorderHandler, MeterHandler {
    private let current = AtomicDouble()

    var value: Double { current.value }

    func record(_ value: Int64) { current.store(Double(value)) }
    func record(_ value: Double) { current.store(value) }
    func set(_ value: Int64) { current.store(Double(value)) }
    func set(_ value: Double) { current.store(value) }
    func increment(by amount: Double) { current.add(amount) }
    func decrement(by amount: Double) { current.add(-amount) }
}
