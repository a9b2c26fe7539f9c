import Metrics

/// `berth_gateway_forwards_total{result}`.
package struct ForwardCounters: Sendable {
    private let replied = Self.counter("replied")
    private let declined = Self.counter("declined")
    private let unreached = Self.counter("unreached")
    private let lost = Self.counter("lost")


    package init() {}

    func count(_ outcome: ForwardOutcome) {
        switch outcome {
        case .reply: replied.increment()
        case .declined: declined.increment()
        case .unreached: unreached.increment()
        case .lost: lost.increment()
        }
    }

    private static func counter(_ result: String) -> Counter {
        Counter(label: "berth_gateway_forwards_total", dimensions: [("result", result)])
    }
}
