extension Isolation {
    /// The work of `body` in threads and in processes, and the second against the first.
    static func compare(_ body: (Isolation) async throws -> [Measurement]) async throws -> [Measurement] {
        let threads = try await body(.thread), processes = try await body(.process)
        func named(_ measurement: Measurement, _ isolation: Isolation) -> Measurement {
            var measurement = measurement
            measurement.metric += ", \(isolation.rawValue)"
            return measurement
        }
        let against = zip(threads, processes).filter { $0.0.unit.hasSuffix("/s") }.map { thread, process in
            Measurement(
                metric: "\(process.metric), process against thread", value: process.value, unit: process.unit, baseline: thread.value,
                ratio: thread.value > 0 ? process.value / thread.value : 0, target: .ratio(atLeast: 0.75))
        }
        return threads.map { named($0, .thread) } + processes.map { named($0, .process) } + against
    }
}
