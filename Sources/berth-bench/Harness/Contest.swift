/// One turn of a side: how fast it was, and what it cost.
struct Turn: Sendable, Equatable {
    /// Things done per second.
    var rate: Double
    /// Processor time of the whole process for one of them, in microseconds, on however many cores.
    var processorTime: Double

    /// Times `body`, which does `count` things.
    static func timed<Value>(
        _ count: Int, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async rethrows -> (turn: Turn, value: Value) {
        let (start, processorStart) = (ContinuousClock.now, ProcessorTime.now)
        let value = try await body()
        let (time, processorTime) = (ContinuousClock.now - start, ProcessorTime.now - processorStart)
        return (
            Turn(rate: Double(count) / max(time.inSeconds, 1e-9), processorTime: processorTime.inSeconds * 1e6 / Double(count)), value)
    }
}

/// Runs a baseline and a subject in turns, so that both see the same machine.
struct Contest: Sendable {
    let rounds: Int

    /// Both sides, round by round.
    struct Outcome: Sendable, Equatable {
        var baseline: [Turn] = []
        var subject: [Turn] = []

        /// Medians of the rates, and the median of the rounds' ratios: what slows both in one round cancels out in it.
        func measurement(_ metric: String, unit: String, target: Target? = nil) -> Measurement {
            measurement(metric, unit, target, \.rate)
        }

        /// The same for the processor time of one thing; it is less where another core helps, and the rate does not show.
        func processorTime(_ metric: String, per unit: String) -> Measurement {
            measurement("\(metric), processor", "µs/\(unit)", nil, \.processorTime)
        }

        private func measurement(
            _ metric: String, _ unit: String, _ target: Target?, _ figure: KeyPath<Turn, Double>
        ) -> Measurement {
            let ratios = zip(subject, baseline).map { $1[keyPath: figure] > 0 ? $0[keyPath: figure] / $1[keyPath: figure] : 0 }
            return Measurement(
                metric: metric, value: Statistics.median(subject.map { $0[keyPath: figure] }), unit: unit,
                baseline: Statistics.median(baseline.map { $0[keyPath: figure] }), ratio: Statistics.median(ratios),
                target: target)
        }
    }

    /// - Parameters:
    ///   - baseline: one round of it.
    ///   - subject: one round of it, the same work.
    func run(
        isolation: isolated (any Actor)? = #isolation,
        baseline: (_ round: Int) async throws -> Turn, subject: (_ round: Int) async throws -> Turn
    ) async throws -> Outcome {
        var outcome = Outcome()
        for round in 0..<rounds {
            // Who comes second finds other caches than who comes first: they change places.
            if round.isMultiple(of: 2) {
                outcome.baseline.append(try await baseline(round))
                outcome.subject.append(try await subject(round))
            } else {
                outcome.subject.append(try await subject(round))
                outcome.baseline.append(try await baseline(round))
            }
        }
        return outcome
    }
}
