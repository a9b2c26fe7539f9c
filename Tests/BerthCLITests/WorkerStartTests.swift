import FleetModel
import Testing

@testable import berth

@Suite struct WorkerStartTests {
    @Test func theLastTryOfARowIsAnError() throws {
        var starts = WorkerStarts(limit: 3)
        for failure in [.ended(code: 2), .notStarted(BerthError(.configurationInvalid, "no file"))] as [WorkerStarts.Failure] {
            let error = starts.failed(failure)
            #expect(error == nil)
        }
        let last = starts.failed(.ended(code: 132))
        let error = try #require(last)
        #expect(error.code == .workerNotStarted && error.message.contains("3 times") && error.message.contains("signal 4"))
    }

    @Test func aWorkerThatBeganStartsTheRowAgain() {
        var starts = WorkerStarts(limit: 2)
        let first = starts.failed(.ended(code: 1))
        starts.succeeded()
        let second = starts.failed(.ended(code: 1)), third = starts.failed(.ended(code: 1))
        #expect(first == nil && second == nil && third != nil)
    }

    /// Later entries win, so what an operator set besides stays.
    @Test func aChildHasNoBacktracer() {
        #expect(ProcessSpawn.withoutBacktracer([:])["SWIFT_BACKTRACE"] == "enable=no")
        let own = ["SWIFT_BACKTRACE": "enable=yes,color=no", "HOME": "/root"]
        #expect(ProcessSpawn.withoutBacktracer(own) == ["SWIFT_BACKTRACE": "enable=yes,color=no,enable=no", "HOME": "/root"])
    }
}
