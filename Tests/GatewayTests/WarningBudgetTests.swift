import FleetModel
import Testing

@testable import Gateway

struct WarningBudgetTests {
    @Test func floodsAreCutShort() {
        let budget = WarningBudget()
        let written = (0..<100).compactMap { _ in budget.take(at: .seconds(5)) }
        #expect(written.count == 10 && written.allSatisfy { $0 == 0 })
        // The first of the next second says how many were withheld.
        #expect(budget.take(at: .seconds(6)) == 90)
        #expect(budget.take(at: .seconds(6)) == 0)
    }
}
