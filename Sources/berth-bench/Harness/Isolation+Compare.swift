extension Isolation {
    /// The work of `body` in threads and in processes, and the second against the first: each as a part of its own baseline, since what slows the machine
    /// in between cancels out in that.
    static func compare(_ body: (Isolation) async throws -> [Measurement]) async throws -> [Measurement] {
        let threads = try await body(.thread), processes = try await body(.process)
        func named(_ measurement: Measurement, _ isolation: Isolation) -> Measurement {
            var measurement = measurement
            measurement.metric += ", \(isolation.rawValue)"
            return measurement
        }
        let against = zip(threads, processes).compactMap { thread, process -> Measurement? in
            guard thread.unit.hasSuffix("/s"), let threads = thread.ratio, let processes = process.ratio else { return nil }
            return Measurement(
                metric: "\(process.metric), process against thread", value: processes, unit: "of baseline", baseline: threads,
                ratio: threads > 0 ? processes / threads : 0, target: .ratio(atLeast: 0.75))
        }
        return threads.map { named($0, .thread) } + processes.map { named($0, .process) } + against
    }
}
