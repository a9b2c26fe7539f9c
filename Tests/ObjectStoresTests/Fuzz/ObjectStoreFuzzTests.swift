import BerthTestKit
import Testing

@testable import ObjectStores

@Suite struct ObjectStoreFuzzTests {
    @Test(arguments: ObjectStoreFuzzTargets.all) func holdsWhateverTheBytes(_ target: FuzzTarget) {
        #expect(target.run() == [])
    }
}
