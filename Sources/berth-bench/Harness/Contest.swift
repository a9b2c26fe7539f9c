/// Runs a baseline and a subject in turns, so that both see the same machine.
struct Contest: Sendable {
    let rounds: Int

    /// Both rates, round by round.
    struct Outcome: Sendable, Equatable {
        var baseline: [Double] = []
        var subject: [Double] = []

        /// Medians of the rates, and the median of the rounds' ratios: what slows both in one round cancels out in it.
        func measurement(_ metric: String, unit: String, target: Target? = nil) -> Measurement {
            let ratios = zip(subject, baseline).map { $1 > 0 ? $0 / $1 : 0 }
            return Measurement(
                metric: metric, value: Statistics.median(subject), unit: unit, baseline: Statistics.median(baseline),
                ratio: Statistics.median(ratios), target: target)
        }
    }

    /// - Parameters:
    ///   - baseline: one round of it; answers its rate.
    ///   - subject: one round of it, the same work; answers its rate.
    func run(
        baseline: (_ round: Int) async throws -> Double, subject: (_ round: Int) async throws -> Double
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

/// Things done per second.
func rate<Value>(of count: Int, _ body: () async throws -> Value) async rethrows -> (rate: Double, value: Value) {
    let start = ContinuousClock.now
    let value = try await body()
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return (Double(count) / (Double(seconds) + Double(attoseconds) / 1e18), value)
}
