import BerthTestKit
import Testing

@Suite struct FrameFuzzTests {
    @Test(arguments: FrameFuzz.targets) func holdsWhateverTheBytes(_ target: FuzzTarget) {
        #expect(target.run() == [])
    }
}
