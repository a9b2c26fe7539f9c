import Testing

@testable import WorkerNode

/// Whose delay it is that something is not in the bucket yet.
struct ShipClockTests {
    private var clock = ShipClock()

    @Test func nothingUnshippedIsNoLag() {
        #expect(clock.lag(at: .seconds(100)) == .zero && clock.bucketLag(at: .seconds(100)) == .zero)
    }

    @Test mutating func theLagIsTheAgeOfTheOldestCommitThatIsNotInTheBucket() {
        clock.committed(at: .seconds(1))
        clock.committed(at: .seconds(2))
        #expect(clock.lag(at: .seconds(5)) == .seconds(4))
        clock.didCut()
        clock.committed(at: .seconds(6))
        #expect(clock.lag(at: .seconds(7)) == .seconds(6))
        clock.published()
        clock.published()
        #expect(clock.lag(at: .seconds(7)) == .seconds(1))
        #expect(clock.bucketLag(at: .seconds(7)) == .seconds(1))
    }

    /// From the moment the shipper asks until it has its turn; what it waited for before and after is the bucket's time.
    @Test mutating func waitingForTheLaneIsNotTheBucketsDelay() {
        clock.committed(at: .seconds(10))
        #expect(clock.bucketLag(at: .seconds(12)) == .seconds(2))
        clock.askedToCut(at: .seconds(12))
        #expect(clock.isCutWaiting(at: .seconds(12)) && !clock.isCutWaiting(for: .seconds(3), at: .seconds(14)))
        #expect(clock.isCutWaiting(for: .seconds(3), at: .seconds(15)))
        #expect(clock.bucketLag(at: .seconds(40)) == .seconds(2) && clock.lag(at: .seconds(40)) == .seconds(30))
        clock.beganToCut(at: .seconds(42))
        #expect(!clock.isCutWaiting(at: .seconds(43)))
        clock.didCut()
        #expect(clock.bucketLag(at: .seconds(45)) == .seconds(5) && clock.lag(at: .seconds(45)) == .seconds(35))
        clock.published()
        clock.committed(at: .seconds(50))
        #expect(clock.bucketLag(at: .seconds(51)) == .seconds(1), "what was forgiven belongs to what is published")
    }

    @Test mutating func aCommitThatCameWhileTheShipperWaitedIsForgivenNoMoreThanItsAge() {
        clock.askedToCut(at: .seconds(1))
        #expect(clock.bucketLag(at: .seconds(20)) == .zero)
        clock.committed(at: .seconds(20))
        clock.beganToCut(at: .seconds(25))
        #expect(clock.bucketLag(at: .seconds(27)) == .seconds(2) && clock.lag(at: .seconds(27)) == .seconds(7))
    }

    @Test mutating func aCutThatFailedKeepsTheAge() {
        clock.committed(at: .seconds(1))
        clock.didCut()
        clock.committed(at: .seconds(5))
        clock.gaveUpCut()
        #expect(clock.lag(at: .seconds(6)) == .seconds(5))
        clock.didCut()
        #expect(clock.lag(at: .seconds(6)) == .seconds(5))
        clock.gaveUpAll()
        #expect(clock.lag(at: .seconds(6)) == .zero)
    }

    @Test mutating func whatChangedNothingIsNoLag() {
        clock.committed(at: .seconds(1))
        clock.foundNothingToCut()
        #expect(clock.lag(at: .seconds(9)) == .zero)
    }
}
