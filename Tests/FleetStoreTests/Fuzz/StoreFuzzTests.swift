import BerthTestKit
import Testing

@testable import FleetStore

@Suite struct StoreFuzzTests {
    @Test(arguments: StoreFuzzTargets.all) func holdsWhateverTheBytes(_ target: FuzzTarget) {
        #expect(target.run() == [])
    }
}
