import Metrics

/// What a request to the store was.
enum StoreOperation: String, Sendable {
    case put, get, head, list, delete
}

/// Requests to the bucket as metrics. One attempt is one request.
struct StoreMetrics: Sendable {
    static let requests = "berth_object_store_requests_total"
    static let seconds = "berth_object_store_request_seconds"
    static let circuitOpen = "berth_object_store_circuit_open"

    private let factory: any MetricsFactory
    let circuit: Meter

    init(_ factory: any MetricsFactory) {
        self.factory = factory
        self.circuit = Meter(label: Self.circuitOpen, factory: factory)
        circuit.set(0)
    }

    func count(_ operation: StoreOperation, _ result: String) {
        Counter(label: Self.requests, dimensions: [("operation", operation.rawValue), ("result", result)], factory: factory)
            .increment()
    }

    func time(_ operation: StoreOperation, _ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        Timer(label: Self.seconds, dimensions: [("operation", operation.rawValue)], factory: factory)
            .recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    static func result(_ error: any Error) -> String {
        switch error as? ObjectStoreError {
        case .notFound: "not_found"
        case .preconditionFailed: "precondition_failed"
        case .unavailable: "unavailable"
        case .denied: "denied"
        case .truncated: "truncated"
        case .invalid: "invalid"
        case nil: error is CancellationError ? "cancelled" : "unavailable"
        }
    }
}
