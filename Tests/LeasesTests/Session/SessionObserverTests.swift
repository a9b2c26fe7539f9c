import BerthTestKit
import FleetModel
import Leases
import Testing

@Suite
struct SessionObserverTests {
    fileprivate static let ttl = Duration.seconds(5)
    private static let tick = Duration.nanoseconds(1)

    /// Sessions by number, each with its count of renewals.
    struct Fleet {
        var renewals: [Int: Int64]
        /// Where it is another one than that of most.
        var ttls: [Int: Duration] = [:]
        private let ids: [SessionID]

        init(_ count: Int) {
            var generator = SeededGenerator(seed: 7)
            ids = (0..<count).map { _ in SessionID.random(using: &generator) }
            renewals = Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, 0) })
        }

        var live: [SessionRecord] {
            get throws {
                try renewals.keys.sorted().map { number in
                    SessionRecord(
                        id: ids[number], node: try NodeName("node-\(number)"), role: .node, address: "",
                        renewals: renewals[number] ?? 0, isRevoked: false, ttl: ttls[number] ?? SessionObserverTests.ttl)
                }
            }
        }

        /// All but these renewed.
        mutating func renew(except silent: Int...) {
            for number in renewals.keys where !silent.contains(number) { renewals[number, default: 0] += 1 }
        }

        func numbers(_ verdicts: [SessionObserver.Verdict]) -> [Int] {
            verdicts.compactMap { verdict in ids.firstIndex(of: verdict.session.id) }
        }
    }

    private var observer = SessionObserver()

    /// Somebody changed the row: which of the two its owner goes by is not known, so the longer one has to pass.
    @Test(arguments: [1, 8]) mutating func ofATTLThatChangedTheLongerCounts(_ seconds: Int) throws {
        var fleet = Fleet(3)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(100)).isEmpty)
        fleet.ttls[1] = .seconds(seconds)
        fleet.renew()
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(104)).isEmpty)
        let longer = Duration.seconds(max(5, seconds))
        fleet.renew(except: 1)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(104) + longer - Self.tick).isEmpty)
        fleet.renew(except: 1)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(104) + longer)) == [1])
    }

    @Test mutating func aSilentSessionIsOverOneTTLAfterTheReceipt() throws {
        var fleet = Fleet(3)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(100)).isEmpty)
        fleet.renew(except: 1)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(105) - Self.tick).isEmpty)
        let verdicts = observer.observe(try fleet.live, receivedAt: .seconds(105))
        #expect(fleet.numbers(verdicts) == [1])
        #expect(verdicts.first?.silence == Self.ttl)
        #expect(verdicts.first?.session.renewals == 0)
        // Until somebody has ended it, it stays silent.
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(107))) == [1])
    }

    /// Rule 1: a node that was promised a minute acknowledges for a minute, whatever the observer would have promised.
    @Test mutating func howLongIsTooLongIsEachSessionsOwnAffair() throws {
        var fleet = Fleet(5)
        fleet.ttls = [0: .seconds(60), 1: .seconds(1)]
        _ = observer.observe(try fleet.live, receivedAt: .seconds(100))
        var ended: [Int: Duration] = [:]
        for second in 101..<200 {
            // Three live on, so that those who fall silent are not the most of them.
            fleet.renew(except: 0, 1)
            let now = Duration.seconds(second)
            for number in fleet.numbers(observer.observe(try fleet.live, receivedAt: now)) {
                ended[number] = now
                fleet.renewals[number] = nil
            }
        }
        #expect(ended == [0: .seconds(160), 1: .seconds(101)])
    }

    /// Rule 10 in times of the session: what the observer did not hear, it may not hold against one that lives long.
    @Test mutating func anObserverThatWasDeafWaitsByTheTTLOfTheSession() throws {
        var fleet = Fleet(3)
        fleet.ttls = [0: .seconds(60)]
        _ = observer.observe(try fleet.live, receivedAt: .seconds(100))
        observer.readingFailed(at: .seconds(105))
        fleet.renew(except: 0)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(161)).isEmpty)
        fleet.renew(except: 0)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(166))) == [0])
    }

    @Test mutating func aRenewalStartsTheTimeAnew() throws {
        var fleet = Fleet(3)
        for second in stride(from: 100, to: 200, by: 4) {
            #expect(observer.observe(try fleet.live, receivedAt: .seconds(second)).isEmpty)
            fleet.renew()
        }
        // The first reading that shows the value counts, not the last one before it changed.
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(300)).isEmpty)
        fleet.renew(except: 2)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(304)).isEmpty)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(305))) == [2])
    }

    @Test mutating func aSessionThatIsGoneIsForgotten() throws {
        var fleet = Fleet(3)
        #expect(observer.nextVerdict() == nil)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(100)).isEmpty)
        #expect(observer.nextVerdict() == .seconds(105))
        fleet.renewals[0] = nil
        fleet.renew()
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(103)).isEmpty)
        #expect(observer.nextVerdict() == .seconds(108))
        fleet.renewals[0] = 0
        fleet.renew(except: 0)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(106)).isEmpty)
        fleet.renew(except: 0)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(111) - Self.tick).isEmpty)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(111))) == [0])
        #expect(observer.observe([], receivedAt: .seconds(120)).isEmpty)
        #expect(observer.nextVerdict() == nil)
    }

    /// How many of how many may be silent before it looks like a common cause.
    @Test(arguments: [(1, 1, false), (1, 2, false), (2, 2, true), (1, 3, false), (2, 3, true), (2, 4, false), (3, 4, true), (3, 5, true), (2, 5, false)])
    mutating func moreThanHalfAtOnceIsBraked(_ silent: Int, _ count: Int, _ isBraked: Bool) throws {
        var fleet = Fleet(count)
        _ = observer.observe(try fleet.live, receivedAt: .seconds(100))
        for number in silent..<count { fleet.renewals[number] = 1 }
        let dying = Array(0..<silent)
        let verdicts = fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(105)))
        #expect(verdicts == (isBraked ? [] : dying))
        guard isBraked else { return }
        // The others go on living; the brake holds for two further TTLs and not a moment longer.
        for number in silent..<count { fleet.renewals[number] = 2 }
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(110)).isEmpty)
        for number in silent..<count { fleet.renewals[number] = 3 }
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(115) - Self.tick).isEmpty)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(115))) == dying)
    }

    /// Sessions renew at times of their own, so what one cause silences falls silent over a renewal interval; the first
    /// of them must not be ended before the others can be counted.
    @Test mutating func aCommonCauseIsSeenBeforeTheFirstIsEnded() throws {
        var fleet = Fleet(5)
        let poll = Duration.milliseconds(250)
        var now = Duration.seconds(100)
        var last: [Int: Duration] = [:]
        // Each renews every 5/3 seconds, a third of a second after the one before it; all stop at 110 s.
        while now < .seconds(135) {
            for number in 0..<5 where now < .seconds(110) {
                let phase = (now - .seconds(100) + .milliseconds(number * 333)).milliseconds % 1667
                if phase < poll.milliseconds {
                    fleet.renewals[number, default: 0] += 1
                    last[number] = now
                }
            }
            let verdicts = fleet.numbers(observer.observe(try fleet.live, receivedAt: now))
            for number in verdicts {
                #expect(now - (last[number] ?? .zero) >= Self.ttl * 3)
                fleet.renewals[number] = nil
            }
            now += poll
        }
        #expect(Set(last.values).count == 5)
        #expect(fleet.renewals.isEmpty)
    }

    /// And who falls silent alone, while the others are between two renewals, is over at once.
    @Test mutating func sessionsBetweenTwoRenewalsAreNotDying() throws {
        var fleet = Fleet(3)
        _ = observer.observe(try fleet.live, receivedAt: .seconds(100))
        fleet.renew(except: 0)
        #expect(observer.observe(try fleet.live, receivedAt: .milliseconds(102_501)).isEmpty)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(105))) == [0])
        // One tick longer, and they have missed a renewal.
        var slower = SessionObserver()
        var others = Fleet(3)
        _ = slower.observe(try others.live, receivedAt: .seconds(100))
        others.renew(except: 0)
        #expect(slower.observe(try others.live, receivedAt: .milliseconds(102_500)).isEmpty)
        #expect(slower.observe(try others.live, receivedAt: .seconds(105)).isEmpty)
    }

    /// The brake is a delay for those who come back: whoever renews meanwhile lives.
    @Test mutating func whoReturnsUnderTheBrakeLives() throws {
        var fleet = Fleet(3)
        _ = observer.observe(try fleet.live, receivedAt: .seconds(100))
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(105)).isEmpty)
        fleet.renew(except: 2)
        // No longer more than half: the one that stayed silent is over at once.
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(106))) == [2])
        fleet.renewals[2] = nil
        // Silent again later, the two get their whole time again.
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(111) - Self.tick).isEmpty)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(111)).isEmpty)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(121) - Self.tick).isEmpty)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(121))) == [0, 1])
    }

    @Test mutating func theBrakeIsBoundedForEachSession() throws {
        var fleet = Fleet(4)
        _ = observer.observe(try fleet.live, receivedAt: .seconds(100))
        fleet.renewals[3] = 1
        // Number 3 is seen renewed later than the others, and so is braked later.
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(103)).isEmpty)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(105)).isEmpty)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(108)).isEmpty)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(115))) == [0, 1, 2])
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(118) - Self.tick)) == [0, 1, 2])
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(118))) == [0, 1, 2, 3])
    }

    /// What an observer that could not read takes for silence may be its own deafness.
    @Test mutating func anObserverThatFailedWaits() throws {
        var fleet = Fleet(3)
        _ = observer.observe(try fleet.live, receivedAt: .seconds(100))
        fleet.renew(except: 0)
        observer.readingFailed(at: .seconds(104))
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(105)).isEmpty)
        fleet.renew(except: 0)
        #expect(observer.observe(try fleet.live, receivedAt: .seconds(109) - Self.tick).isEmpty)
        // One TTL after its last failure it trusts itself again.
        fleet.renew(except: 0)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(109))) == [0])
    }

    @Test mutating func anObserverThatFailsAgainAndAgainWaitsNoLongerThanTheBound() throws {
        var fleet = Fleet(3)
        _ = observer.observe(try fleet.live, receivedAt: .seconds(100))
        for half in 201..<230 {
            observer.readingFailed(at: .milliseconds(half * 500 - 1))
            fleet.renew(except: 0)
            #expect(observer.observe(try fleet.live, receivedAt: .milliseconds(half * 500)).isEmpty)
        }
        observer.readingFailed(at: .seconds(115) - Self.tick)
        fleet.renew(except: 0)
        #expect(fleet.numbers(observer.observe(try fleet.live, receivedAt: .seconds(115))) == [0])
    }

    /// Random fleets, readings and failures against the words of rules 3 and 10.
    @Test(arguments: Array(UInt64(1)...30))
    mutating func verdictsKeepTheRules(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var fleet = Fleet(Int.random(in: 1...7, using: &generator))
        var now = Duration.seconds(50)
        var firstSeen: [Int: (renewals: Int64, at: Duration)] = [:]
        var failedAt: Duration?
        var silentSince: [Int: Duration] = [:]
        for _ in 0..<400 {
            now += .milliseconds(Int.random(in: 1...1500, using: &generator))
            if Int.random(in: 0..<15, using: &generator) == 0 {
                observer.readingFailed(at: now)
                failedAt = now
                continue
            }
            for number in fleet.renewals.keys.sorted() {
                // Each has silent spells of its own.
                let isSilent = (UInt64(now.milliseconds / 20_000) &* 31 &+ UInt64(number) &+ seed) % 3 == 0
                if !isSilent { fleet.renewals[number, default: 0] += 1 }
            }
            let verdicts = Set(fleet.numbers(observer.observe(try fleet.live, receivedAt: now)))
            var silent: Set<Int> = []
            for (number, renewals) in fleet.renewals {
                if firstSeen[number]?.renewals != renewals { (firstSeen[number], silentSince[number]) = ((renewals, now), nil) }
                if let since = firstSeen[number]?.at, now - since >= Self.ttl { silent.insert(number) }
            }
            let dying = firstSeen.values.count { now - $0.at >= Self.ttl / 2 }
            let isBraked = (dying > 1 && dying * 2 > fleet.renewals.count)
                || (failedAt.map { now - $0 < Self.ttl } ?? false)
            #expect(verdicts.isSubset(of: silent))
            for number in silent {
                if isBraked, silentSince[number] == nil { silentSince[number] = now }
                let isDue = !isBraked || silentSince[number].map { now - $0 >= Self.ttl * 2 } ?? true
                #expect(verdicts.contains(number) == isDue)
            }
            // Some of those found silent are ended, their nodes come back as new sessions.
            for number in verdicts where Bool.random(using: &generator) {
                fleet.renewals[number, default: 0] += 1000
            }
        }
    }
}
