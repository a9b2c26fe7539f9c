import BerthTestKit
import Testing

@testable import Gateway

@Suite struct GatewayFuzzTests {
    @Test(arguments: GatewayFuzzTargets.all) func holdsWhateverTheBytes(_ target: FuzzTarget) {
        #expect(target.run() == [])
    }
}
