import Chaos
import Testing

/// What keeps every promise is not accused.
@Suite struct CleanHistoryTests {
    @Test func writesTransfersAndReads() {
        var story = Story()
        story.append(10, 20)
        story.transfer(30, 40)
        story.read(50, 60, sees: 1)
        story.append(70, 80)
        story.read(90, 100, sees: 2)
        let verdict = story.check()
        #expect(verdict.violations == [])
        #expect(verdict.counts.requests == 5)
        #expect(verdict.counts.acknowledgedWrites == 3)
        #expect(verdict.counts.answeredReads == 2)
        #expect(verdict.counts.timeToHeal == Story.at(600))
    }

    @Test(arguments: [true, false]) func aWriteInDoubtMayBeThereOrNot(isThere: Bool) {
        var story = Story()
        story.append(10, 20)
        story.append(30, 40, outcome: .unknown("timeout"), isThere: isThere)
        story.read(50, 60, sees: 1)
        #expect(story.check().violations == [])
    }

    /// A client that gave up on a write may see it carried out after its next one.
    @Test func aWriteInDoubtMayComeLater() {
        var story = Story()
        story.append(10, 20, outcome: .unknown("timeout"), isThere: true)
        story.append(30, 40)
        story.read(41, 42, sees: 2)
        story.appends.swapAt(0, 1)
        #expect(story.check().violations == [])
    }

    /// Requests that overlap may take effect in any order.
    @Test func overlappingWritesHaveNoOrder() {
        var story = Story()
        story.append(10, 40, client: 1)
        story.append(20, 30, client: 2)
        story.appends.swapAt(0, 1)
        story.read(50, 60, sees: 1)
        #expect(story.check().violations == [])
    }

    @Test func aReadThatOverlapsAWriteMaySeeItOrNot() {
        var story = Story()
        story.append(10, 40)
        story.read(20, 50, sees: 0)
        story.read(20, 50, sees: 1)
        #expect(story.check().violations == [])
    }

    /// A `local` write inside the ship interval goes with its leader; the next leader's reads do not show it.
    @Test func whatWasNotShippedGoesWithItsLeader() {
        var story = Story(durability: "local")
        story.append(1_000, 1_010)
        story.append(4_900, 4_910, isThere: false)
        story.read(4_920, 4_930, sees: 2)
        story.failover(killed: 5_000, takenOver: 5_500)
        story.read(6_000, 6_010, sees: 1)
        story.append(7_000, 7_010)
        let verdict = story.check()
        #expect(verdict.violations == [])
        #expect(verdict.counts.localLost == 1)
        #expect(verdict.counts.oldestLocalLoss == Story.at(90))
        #expect(verdict.counts.takeovers == 1)
    }

    /// While Postgres is away and every manager is paused nobody notices that a leader died: it died all the same when it was killed.
    @Test func aDeathCountsFromTheKillHoweverLateItIsNoticed() {
        var story = Story(durability: "local")
        story.append(1_000, 1_010)
        story.read(1_100, 1_110, sees: 1)
        story.append(4_900, 4_910, isThere: false)
        story.fault(.postgresRestart, "postgres", 7_000, 20_000)
        story.fault(.machineKill, "node-1", 5_000, 5_500)
        story.events += [
            .sessionEnded(SessionEnd(session: "s1", reason: "silent", at: Story.at(29_900))),
            .leaseChanged(LeaseChange(database: "db", epoch: 2, session: "s2", at: Story.at(30_000))),
        ]
        story.append(31_000, 31_010)
        #expect(story.check().violations == [])
        // A kill before the session began was of another life.
        story.events[1] = .sessionOpened(SessionOpening(session: "s1", node: "node-1", at: Story.at(5_200)))
        #expect(story.check().properties == [.localWriteLostOutsideAllowance])
    }

    /// A write that was under way when one leader died may have gone with the next: it does not stretch what the first
    /// death took.
    @Test func aWriteBetweenTwoDeathsMayGoWithEither() {
        var story = Story(durability: "local")
        story.fault(.postgresSlow, "postgres", 5_000, 20_000)
        story.append(1_000, 1_010)
        story.read(1_100, 1_110, sees: 1)
        story.append(6_000, 6_010, isThere: false)
        story.append(10_400, 11_000, client: 3, isThere: false)
        story.failover(killed: 10_000, takenOver: 10_500)
        story.fault(.workerKill, "node-2", 11_500, 12_000)
        story.events += [
            .sessionOpened(SessionOpening(session: "s3", node: "node-1", at: Story.at(11_000))),
            .sessionEnded(SessionEnd(session: "s2", reason: "worker ended", at: Story.at(11_990))),
            .leaseChanged(LeaseChange(database: "db", epoch: 3, session: "s3", at: Story.at(12_000))),
        ]
        story.append(13_000, 13_010)
        let verdict = story.check()
        #expect(verdict.violations == [])
        #expect(verdict.counts.localLost == 2)
    }

    /// While the object store does not answer, more may be unshipped, up to the ship lag.
    @Test func aBucketInTroubleExcusesTheShipLag() {
        var story = Story(durability: "local")
        story.append(1_000, 1_010)
        story.read(1_100, 1_110, sees: 1)
        story.append(2_000, 2_010, isThere: false)
        story.fault(.bucketError, "bucket", 1_900, 4_000)
        story.failover(killed: 5_000, takenOver: 5_500)
        #expect(story.check().violations == [])
        story.faults.removeFirst()
        #expect(story.check().properties == [.localWriteLostOutsideAllowance])
    }

    /// node-1 dies with an unshipped write and leads again, in the next epoch or in a later one; what comes after is up to the test.
    static func aNodeThatCameBack(after kind: FaultKind = .workerKill, epoch: Int64 = 2, node: String = "node-1") -> (story: Story, lost: Int) {
        var story = Story(durability: "local")
        story.append(1_000, 1_010)
        let lost = story.append(4_900, 4_910, isThere: false)
        story.fault(kind, "node-1", 5_000, 5_400)
        story.events += [
            .sessionEnded(SessionEnd(session: "s1", reason: "worker ended", at: Story.at(5_100))),
            .sessionOpened(SessionOpening(session: "s3", node: node, at: Story.at(5_300))),
            .leaseChanged(LeaseChange(database: "db", epoch: epoch, session: "s3", at: Story.at(5_500))),
        ]
        return (story, lost)
    }

    /// Another node led first, somebody may have led in between, the disk was lost or ailing, or the node died before it served.
    @Test func whatADiskOrATakeoverTookIsExcused() {
        var other = Self.aNodeThatCameBack(node: "node-2").story
        other.read(7_000, 7_010, sees: 1)
        #expect(other.check().violations == [])
        var between = Self.aNodeThatCameBack(epoch: 3).story
        between.read(7_000, 7_010, sees: 1)
        #expect(between.check().violations == [])
        for kind in [FaultKind.diskLoss, .diskFull, .fileFull, .fileError, .descriptorsOut, .memoryOut] {
            var ailing = Self.aNodeThatCameBack().story
            ailing.fault(kind, "node-1", 4_000, 4_500)
            ailing.read(7_000, 7_010, sees: 1)
            #expect(ailing.check().violations == [], "\(kind)")
        }
        var elsewhere = Self.aNodeThatCameBack().story
        elsewhere.fault(.fileError, "node-2", 4_000, 4_500)
        elsewhere.read(7_000, 7_010, sees: 1)
        #expect(elsewhere.check().properties.contains(.localWriteLostOutsideAllowance))
        var unserved = Self.aNodeThatCameBack().story
        unserved.fault(.workerKill, "node-1", 5_550, 5_900)
        unserved.events += [
            .sessionEnded(SessionEnd(session: "s3", reason: "worker ended", at: Story.at(5_600))),
            .leaseChanged(LeaseChange(database: "db", epoch: 3, session: "s2", at: Story.at(5_700))),
        ]
        unserved.read(7_000, 7_010, sees: 1)
        #expect(unserved.check().violations == [])
    }
}
