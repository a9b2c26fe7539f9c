import FleetModel
import Testing

@testable import Gateway

struct AdmissionBudgetTests {
    private var budget: AdmissionBudget
    private let shop: DatabaseName
    private let bank: DatabaseName

    init() throws {
        var limits = GatewayLimits()
        (limits.requestsPerDatabase, limits.bodyBytesPerDatabase, limits.bodiesInFlight) = (3, 100, 150)
        budget = AdmissionBudget(limits)
        (shop, bank) = (try DatabaseName("shop"), try DatabaseName("bank"))
    }

    @Test mutating func aDatabaseHasSoManyPlaces() {
        for _ in 0..<3 { #expect(budget.enter(shop, bytes: 1) == nil) }
        #expect(budget.enter(shop, bytes: 1) == .databaseRequests)
        #expect(budget.enter(bank, bytes: 1) == nil)
        budget.leave(shop, bytes: 1)
        #expect(budget.enter(shop, bytes: 1) == nil)
    }

    @Test mutating func aDatabaseHoldsSoManyBytes() {
        #expect(budget.enter(shop, bytes: 99) == nil)
        #expect(budget.enter(shop, bytes: 2) == .databaseBytes)
        #expect(budget.enter(shop, bytes: 1) == nil)
        #expect(budget.grow(shop, by: 1) == .databaseBytes)
        #expect(budget.enter(bank, bytes: 50) == nil)
        #expect(budget.bytes == 150)
    }

    @Test mutating func allHoldSoManyBytes() {
        #expect(budget.enter(shop, bytes: 100) == nil)
        #expect(budget.enter(bank, bytes: 51) == .nodeBytes)
        #expect(budget.enter(bank, bytes: 40) == nil)
        #expect(budget.grow(bank, by: 10) == nil)
        #expect(budget.grow(bank, by: 1) == .nodeBytes)
        budget.leave(shop, bytes: 100)
        #expect(budget.grow(bank, by: 1) == nil)
    }

    @Test mutating func nothingIsLeftOfWhatIsGivenBack() {
        for _ in 0..<2 {
            _ = budget.enter(shop, bytes: 0)
            _ = budget.grow(shop, by: 30)
            _ = budget.enter(shop, bytes: 200)
            budget.leave(shop, bytes: 30)
            #expect(budget.bytes == 0 && budget.databases == 0)
        }
    }
}
