import Chaos
import Testing

/// Each broken promise is found, under its name, with the requests that show it.
@Suite struct PlantedViolationTests {
    private func tested() -> Story {
        var story = Story()
        story.append(10, 20)
        story.append(30, 40)
        story.transfer(50, 60)
        story.read(70, 80, sees: 2)
        story.append(90, 100)
        return story
    }

    @Test func aLostBucketWrite() {
        var story = tested()
        let lost = story.append(200, 210, isThere: false)
        story.failover(killed: 215, takenOver: 300)
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.acknowledgedWriteLost])
        #expect(verdict.violations.first?.requests == [lost])
        #expect(verdict.counts.lost == 1)
    }

    /// What a strong read has shown is as good as acknowledged.
    @Test func aLostWriteThatOnlyAReadShowed() {
        var story = tested()
        let lost = story.append(200, 210, outcome: .unknown("timeout"), isThere: false)
        let read = story.read(300, 310, sees: 4)
        story.failover(killed: 315, takenOver: 400)
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.acknowledgedWriteLost])
        #expect(verdict.violations.first?.requests == [lost, read])
    }

    @Test func aDoubledWrite() {
        var story = tested()
        story.appends.append(story.appends[0])
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.writeAppliedTwice])
        #expect(verdict.violations.first?.requests == [1])
    }

    /// Also one that is single again at the end.
    @Test func aDoubledWriteSeenByARead() {
        var story = Story()
        story.append(10, 20)
        let tally = Observation.Tally(ledger: .appends, client: 1, last: 1, count: 2)
        story.events += [
            .started(RequestStart(id: 99, client: 2, database: "db", through: "node-1", at: Story.at(30), work: .read())),
            .finished(
                RequestFinish(id: 99, at: Story.at(40), outcome: .observed(Observation(tallies: [tally], total: 200)))),
        ]
        #expect(story.check().properties == [.writeAppliedTwice])
    }

    @Test func reorderedWrites() {
        var story = tested()
        story.appends.swapAt(0, 1)
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.writesReordered])
        #expect(verdict.violations.first?.requests == [1, 2])
    }

    @Test func aRefusedWriteThatIsThere() {
        var story = tested()
        let refused = story.append(200, 210, outcome: .refused("leader_unavailable"), isThere: true)
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.refusedWritePresent])
        #expect(verdict.violations.first?.requests == [refused])
    }

    @Test func aRefusedWriteThatAReadShowed() {
        var story = tested()
        let refused = story.append(200, 210, outcome: .refused("leader_unavailable"))
        let read = story.read(220, 230, sees: 4)
        let found = story.check().violations.first { $0.property == .refusedWritePresent }
        #expect(found?.requests == [refused, read])
    }

    @Test func aRowNobodyWrote() {
        var story = tested()
        story.appends.append(Contents.Row(client: 1, number: 4, token: "unheard-of"))
        #expect(story.check().properties == [.stranger])
    }

    /// The right token with another client's name is not the row that was written.
    @Test func aRowThatWasChanged() {
        var story = tested()
        story.appends[0].client = 7
        #expect(story.check().properties.isSuperset(of: [.stranger]))
    }

    @Test func aStaleRead() {
        var story = tested()
        let stale = story.read(200, 210, sees: 2)
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.staleRead])
        #expect(verdict.violations.first?.requests.first == stale)
    }

    /// Reads do not go back either, whatever was acknowledged.
    @Test func aReadOlderThanAnother() {
        var story = Story()
        story.append(10, 20)
        story.append(30, 40, outcome: .unknown("timeout"), isThere: true)
        story.read(50, 60, sees: 2)
        story.read(70, 80, sees: 1)
        #expect(story.check().properties == [.staleRead])
    }

    /// A `local` write that is missing from a read and there at the end was not lost: the read was stale.
    @Test func aStaleReadOfALocalDatabase() {
        var story = Story(durability: "local")
        story.append(4_900, 4_910)
        story.failover(killed: 5_000, takenOver: 5_500)
        story.read(6_000, 6_010, sees: 0)
        #expect(story.check().properties == [.staleRead])
    }

    @Test func aBrokenSumInARead() {
        var story = tested()
        let read = story.read(200, 210, sees: 3, total: 190)
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.sumBroken])
        #expect(verdict.violations.first?.requests == [read])
    }

    @Test func aTransactionThatSawTwoStates() {
        var story = tested()
        let tally = Observation.Tally(ledger: .appends, client: 1, last: 3, count: 3)
        let moved = Observation.Tally(ledger: .transfers, client: 1, last: 1, count: 1)
        story.events += [
            .started(RequestStart(id: 99, client: 2, database: "db", through: "node-1", at: Story.at(200), work: .read(isHeld: true))),
            .finished(
                RequestFinish(
                    id: 99, at: Story.at(900), outcome: .observed(Observation(tallies: [tally, moved], total: 200, isRepeatable: false)))),
        ]
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.unrepeatableRead])
        #expect(verdict.violations.first?.requests == [99])
    }

    @Test func aBrokenSumAtTheEnd() {
        var story = tested()
        story.balances[0] += 10
        #expect(story.check().properties == [.sumBroken, .balanceWrong])
    }

    /// Half a transfer in either direction: the sum is right, and money is in the wrong place.
    @Test func aTransferThatIsThereWithoutItsEffect() {
        var story = tested()
        story.balances = [Story.balance, Story.balance]
        #expect(story.check().properties == [.balanceWrong])
    }

    @Test func twoLeadersInAnEpoch() {
        var story = tested()
        story.events.append(.leaseChanged(LeaseChange(database: "db", epoch: 1, session: "s2", at: Story.at(500))))
        #expect(story.check().properties == [.twoLeaders])
    }

    @Test func anEpochThatFalls() {
        var story = tested()
        story.events += [
            .leaseChanged(LeaseChange(database: "db", epoch: 5, session: "s2", at: Story.at(500))),
            .leaseChanged(LeaseChange(database: "db", epoch: 4, session: "s1", at: Story.at(600))),
        ]
        #expect(story.check().properties == [.epochFell])
    }

    @Test func aLocalWriteOlderThanTheShipInterval() {
        var story = Story(durability: "local")
        let lost = story.append(1_000, 1_010, isThere: false)
        story.append(1_100, 1_110, isThere: false)
        story.failover(killed: 5_000, takenOver: 5_500)
        story.append(6_000, 6_010)
        story.read(7_000, 7_010, sees: 0)
        let found = story.check().violations.first { $0.property == .localWriteLostOutsideAllowance }
        #expect(found?.requests == [lost])
    }

    /// The files were there, and the node that has them was the next to lead.
    @Test(arguments: [FaultKind.workerKill, .workerCrash, .machineKill]) func aLocalWriteLostAlthoughItsNodeCameBack(kind: FaultKind) {
        var story = CleanHistoryTests.aNodeThatCameBack(after: kind)
        let lost = story.lost
        story.story.read(7_000, 7_010, sees: 1)
        let verdict = story.story.check()
        #expect(verdict.violations.map(\.property) == [.localWriteLostOutsideAllowance, .staleRead])
        #expect(verdict.violations.first?.requests == [lost])
    }

    @Test func aLocalWriteLostWithoutADeath() {
        var story = Story(durability: "local")
        story.append(1_000, 1_010, isThere: false)
        story.append(2_000, 2_010)
        story.read(3_000, 3_010, sees: 2)
        #expect(story.check().properties == [.localWriteLostOutsideAllowance])
    }

    /// A lease that was handed over, its session living on, excuses nothing.
    @Test func aLocalWriteLostByATransfer() {
        var story = Story(durability: "local")
        story.append(1_000, 1_010)
        story.append(4_990, 4_995, isThere: false)
        story.events.append(.leaseChanged(LeaseChange(database: "db", epoch: 2, session: "s2", at: Story.at(5_000))))
        story.read(5_500, 5_510, sees: 1)
        #expect(story.check().properties.contains(.localWriteLostOutsideAllowance))
    }

    @Test func aHoleInALocalHistory() {
        var story = Story(durability: "local")
        let lost = story.append(4_800, 4_810, isThere: false)
        let later = story.append(4_820, 4_830)
        story.read(4_840, 4_850, sees: 2)
        story.failover(killed: 5_000, takenOver: 5_500)
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.hole])
        #expect(verdict.violations.first?.requests == [lost, later])
    }

    /// However long a store is in trouble, no more than the ship lag is at stake.
    @Test func moreLostAtOnceThanTheShipLag() {
        var story = Story(durability: "local")
        story.fault(.postgresSlow, "postgres", 1_000, 20_000)
        story.append(100, 110)
        story.read(200, 210, sees: 1)
        for start in stride(from: 2_000, to: 10_000, by: 500) { story.append(start, start + 10, isThere: false) }
        story.failover(killed: 10_000, takenOver: 10_500)
        #expect(story.check().properties == [.localWriteLostOutsideAllowance])
    }

    @Test func aCopyThatIsNotWhatItsMarkSays() {
        var story = tested()
        story.events += [
            .compared(Comparison(database: "db", node: "node-1", seq: 4, isHead: true, difference: nil)),
            .compared(Comparison(database: "db", node: "node-2", seq: 3, isHead: false, difference: "db: 1 of 7 pages differ (5)")),
        ]
        let verdict = story.check()
        #expect(verdict.violations.map(\.property) == [.copyDiffers])
        #expect(verdict.violations.first?.message == "at 3 on node-2: db: 1 of 7 pages differ (5)")
        #expect(verdict.counts.comparedCopies == 2)
    }

    /// Where copies are compared, that of the leader is among them.
    @Test func aHeadThatWasNotCompared() {
        var story = tested()
        story.events.append(.compared(Comparison(database: "db", node: "node-2", seq: 3, isHead: false, difference: nil)))
        #expect(story.check().properties == [.untested])
    }

    @Test func filesAreComparedToTheirLastByte() {
        let restored = [UInt8](repeating: 1, count: 3 * 4096 + 100)
        var copy = restored
        #expect(FileDifference.describe("db", copy: copy, restored: restored) == nil)
        #expect(FileDifference.describe("db", copy: nil, restored: nil) == nil)
        copy[copy.count - 1] = 2
        copy[4096] = 2
        #expect(
            FileDifference.describe("db", copy: copy, restored: restored)
                == "db: 2 of 4 pages differ (1, 3); 12388 bytes on the node, 12388 in the bucket")
        #expect(
            FileDifference.describe("db", copy: Array(restored[..<8192]), restored: restored)
                == "db: 2 of 4 pages differ (2, 3); 8192 bytes on the node, 12388 in the bucket")
        #expect(FileDifference.describe("db.wal", copy: nil, restored: restored) == "db.wal is in the bucket only")
        #expect(FileDifference.describe("db.wal", copy: [], restored: nil) == "db.wal is on the node only")
    }

    @Test func notHealedInTime() {
        var story = tested()
        story.isHealed = false
        story.events += [
            .healed(Story.at(100_000)), .served(Served(database: "db", through: nil, at: Story.at(107_001))),
        ]
        #expect(story.check().properties == [.notHealed])
    }

    @Test func neverHealed() {
        var story = tested()
        story.isHealed = false
        story.events += [
            .healed(Story.at(100_000)), .served(Served(database: "other", through: "node-2", at: Story.at(100_001))),
            .served(Served(database: "db", through: nil, at: Story.at(100_100))),
        ]
        let verdict = story.check()
        #expect(verdict.properties == [.notHealed])
        #expect(verdict.counts.timeToHeal == nil)
    }

    /// A run that tested nothing must not pass for one that found nothing.
    @Test func nothingTested() {
        var story = Story()
        story.isHealed = false
        story.append(10, 20, outcome: .unknown("timeout"))
        #expect(story.check().properties == [.untested])
        #expect(story.check().violations.count == 3)
        let unread = History([.database(story.database), .healed(Story.at(1))])
        #expect(Checker.check(unread, faults: [], rules: Story.rules).properties.contains(.untested))
    }

    @Test func manyOfAKindAreCountedNotListed() {
        var story = tested()
        for start in stride(from: 1_000, to: 5_000, by: 100) { story.append(start, start + 10, isThere: false) }
        let verdict = story.check()
        #expect(verdict.violations.count == 26)
        #expect(verdict.violations.last?.message == "and 15 more")
        #expect(verdict.counts.lost == 40)
    }
}
