import BerthTestKit
import Testing

@testable import AdminAPI

@Suite struct AdminFuzzTests {
    @Test(arguments: AdminFuzzTargets.all) func holdsWhateverTheBytes(_ target: FuzzTarget) {
        #expect(target.run() == [])
    }
}
