import FleetModel
import Testing

struct RareBranchTests {
    @Test func everyBranchIsCountedByItself() {
        let before = RareBranch.taken
        #expect(Set(before.keys) == Set(RareBranch.allCases))
        RareBranch.staleRoute.marked()
        RareBranch.staleRoute.marked()
        RareBranch.writePushedBack.marked()
        let after = RareBranch.taken
        #expect((after[.staleRoute] ?? 0) - (before[.staleRoute] ?? 0) == 2)
        #expect((after[.writePushedBack] ?? 0) - (before[.writePushedBack] ?? 0) == 1)
        #expect(after[.logCut] == before[.logCut])
    }
}
