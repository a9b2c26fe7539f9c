import Testing

@testable import berth_bench

struct ContestTests {
    @Test func bothSidesTakeTurnsAndChangePlaces() async throws {
        var order: [String] = []
        _ = try await Contest(rounds: 3).run { round in
            order.append("baseline \(round)")
            return Turn(rate: 1, processorTime: 1)
        } subject: { round in
            order.append("subject \(round)")
            return Turn(rate: 1, processorTime: 1)
        }
        #expect(order == ["baseline 0", "subject 0", "subject 1", "baseline 1", "baseline 2", "subject 2"])
    }

    /// A slow round slows both sides, and the ratio does not show it.
    @Test func theRatioIsThatOfTheRounds() {
        func turns(_ rates: [Double]) -> [Turn] { rates.map { Turn(rate: $0, processorTime: 100 / $0) } }
        let outcome = Contest.Outcome(baseline: turns([100, 10, 100]), subject: turns([90, 9, 95]))
        let measurement = outcome.measurement("m", unit: "u", target: .ratio(atLeast: 0.9))
        #expect(measurement.value == 90 && measurement.baseline == 100 && measurement.ratio == 0.9 && measurement.isMet == true)
        let time = outcome.processorTime("m", per: "row")
        #expect(time.metric == "m, processor" && time.unit == "µs/row" && time.baseline == 1)
    }

    @Test func workThatIsLostEndsIt() async throws {
        await #expect(throws: WorkLost.self) {
            try await Contest(rounds: 1).run { _ in Turn(rate: 1, processorTime: 1) } subject: { _ in throw WorkLost("it") }
        }
    }
}
