import BerthTestKit
import Changesets
import Testing

@Suite struct ChangesetFuzzTests {
    @Test(arguments: ChangesetFuzzTargets.all) func holdsWhateverTheBytes(_ target: FuzzTarget) {
        #expect(target.run() == [])
    }
}
