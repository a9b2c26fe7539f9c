import BerthTestKit
import FleetModel
import Hrana
import Testing

@Suite struct HranaFuzzTests {
    @Test(arguments: HranaFuzzTargets.all) func holdsWhateverTheBytes(_ target: FuzzTarget) {
        #expect(target.run() == [])
    }

    @Test(arguments: RequestFuzz.targets) func noRequestIsWholeBeforeItsEnd(_ target: FuzzTarget) throws {
        for body in target.seeds {
            for count in body.indices {
                #expect(try target.check(Array(body[..<count])) == .refused, "cut after \(count) bytes")
            }
        }
    }
}
