import BerthTestKit
import Testing

extension EndToEnd {
    /// Suites that leave the processes of their common fleet alone.
    ///
    /// Drains are made slow enough to be caught in the middle.
    @Suite(.serialized, .fleet {
        $0.shipInterval = .milliseconds(50)
        $0.settings = ["drain-parallelism": 2, "drain-timeout-ms": 1500]
    }) enum OneFleet {}
}
