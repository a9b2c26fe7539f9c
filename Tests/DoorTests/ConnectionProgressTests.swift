import NIOCore
import Testing

@testable import Door

/// Deadlines, at times that the tests choose.
struct ConnectionProgressTests {
    private static func limits() -> PaceLimits {
        var limits = DoorLimits()
        (limits.idle, limits.head, limits.refusedBody) = (.seconds(75), .seconds(10), .seconds(30))
        (limits.bodyWindow, limits.bodyRate) = (.seconds(10), 100)
        (limits.answerWindow, limits.answerRate) = (.seconds(20), 100)
        limits.pipelinedRequests = 2
        return PaceLimits(limits)
    }

    private static func at(_ second: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000_000) + .seconds(second) }
    private var progress = ConnectionProgress(limits(), at: at(0))

    @Test mutating func aConnectionWithoutARequestIsIdle() {
        #expect(progress.judge(at: Self.at(74)) == .goesOn(until: Self.at(75)))
        #expect(progress.judge(at: Self.at(75)) == .ends(.idle))
    }

    @Test mutating func aByteAMinuteDoesNotExtendAHead() {
        progress.bytesArrived(1)
        #expect(progress.readEnded(at: Self.at(70)) == Self.at(80))
        for second in 71..<80 {
            progress.bytesArrived(1)
            #expect(progress.readEnded(at: Self.at(Int64(second))) == Self.at(80))
            #expect(progress.judge(at: Self.at(Int64(second))) == .goesOn(until: Self.at(80)))
        }
        #expect(progress.judge(at: Self.at(80)) == .ends(.head))
    }

    @Test mutating func aBodyBringsItsBytesInEachWindow() {
        arriveHead()
        #expect(progress.readEnded(at: Self.at(0)) == Self.at(10))
        progress.readContinues(at: Self.at(0))
        // Much at once is no credit for later.
        progress.bytesArrived(15 << 20)
        #expect(progress.judge(at: Self.at(10)) == .goesOn(until: Self.at(20)))
        progress.bytesArrived(999)
        #expect(progress.judge(at: Self.at(20)) == .ends(.body))
    }

    @Test mutating func aBodyThatIsThereHasNoDeadline() {
        arriveHead()
        _ = progress.readEnded(at: Self.at(0))
        progress.requestEnded()
        guard case .goesOn = progress.judge(at: Self.at(10_000)) else {
            Issue.record("a request that is being answered was cut off")
            return
        }
    }

    @Test mutating func timeInWhichNothingIsReadIsNotTheClients() {
        arriveHead()
        _ = progress.readEnded(at: Self.at(0))
        guard case .goesOn = progress.judge(at: Self.at(60)) else {
            Issue.record("cut off while nothing was read")
            return
        }
        progress.readContinues(at: Self.at(60))
        #expect(progress.judge(at: Self.at(69)) == .goesOn(until: Self.at(70)))
        #expect(progress.judge(at: Self.at(70)) == .ends(.body))
    }

    @Test mutating func theRestOfAnAnsweredRequestMustEnd() {
        arriveHead()
        #expect(progress.isReceiving)
        #expect(progress.answerEnded(closes: false, at: Self.at(5)) == Self.at(35))
        #expect(progress.judge(at: Self.at(34)) == .goesOn(until: Self.at(35)))
        #expect(progress.judge(at: Self.at(35)) == .ends(.refusedBody))
        progress.requestEnded()
        #expect(progress.judge(at: Self.at(36)) == .goesOn(until: Self.at(80)))
    }

    @Test mutating func afterTheLastAnswerNothingIsLookedAt() {
        arriveHead()
        #expect(progress.answerEnded(closes: true, at: Self.at(5)) == Self.at(35))
        #expect(progress.isOver)
        progress.bytesArrived(1 << 20)
        progress.requestEnded()
        #expect(progress.isOver && progress.readEnded(at: Self.at(34)) == nil)
        #expect(progress.judge(at: Self.at(35)) == .ends(.refusedBody))
    }

    @Test mutating func requestsInAdvanceAreCounted() {
        for _ in 0..<3 {
            progress.bytesArrived(10)
            #expect(progress.headArrived() == true)
            progress.requestEnded()
        }
        #expect(progress.headArrived() == false)
    }

    @Test mutating func aHeadThatWaitsForAnAnswerGetsItsTimeAfterwards() {
        arriveHead()
        progress.requestEnded()
        progress.bytesArrived(1)
        _ = progress.readEnded(at: Self.at(1))
        guard case .goesOn = progress.judge(at: Self.at(60)) else {
            Issue.record("cut off while its first request was being answered")
            return
        }
        #expect(progress.answerEnded(closes: false, at: Self.at(60)) == Self.at(70))
        #expect(progress.judge(at: Self.at(70)) == .ends(.head))
    }

    @Test mutating func anAnswerIsTakenInEachWindow() {
        arriveHead()
        progress.requestEnded()
        #expect(progress.readerIsBehind(at: Self.at(0)) == Self.at(20))
        #expect(progress.readerIsBehind(at: Self.at(7)) == nil)
        progress.bytesTaken(1 << 20)
        guard case .goesOn = progress.judge(at: Self.at(20)) else {
            Issue.record("a client that took a megabyte was cut off")
            return
        }
        progress.bytesTaken(1_999)
        #expect(progress.judge(at: Self.at(40)) == .ends(.reader))
        progress.readerCaughtUp(at: Self.at(40))
        guard case .goesOn = progress.judge(at: Self.at(41)) else {
            Issue.record("a client that has everything was cut off")
            return
        }
    }

    private mutating func arriveHead() {
        progress.bytesArrived(100)
        _ = progress.headArrived()
    }
}
