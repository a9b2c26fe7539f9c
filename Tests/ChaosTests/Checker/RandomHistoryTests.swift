import Chaos
import Testing

/// Random histories that keep every promise pass; the same with one thing wrong do not.
@Suite struct RandomHistoryTests {
    static let seeds: [UInt64] = Array(1...40)

    @Test(arguments: ["local", "bucket"]) func validHistoriesPass(durability: String) {
        var lost = 0, takeovers = 0
        for seed in Self.seeds {
            let verdict = RandomHistory(seed: seed, durability: durability).check()
            #expect(verdict.violations == [], "seed \(seed)")
            lost += verdict.counts.localLost
            takeovers += verdict.counts.takeovers
        }
        // Or the histories would prove little.
        #expect(takeovers > Self.seeds.count)
        #expect((lost > Self.seeds.count) == (durability == "local"))
    }

    /// One corruption of what is read back or of an answer.
    enum Corruption: String, CaseIterable, Sendable {
        case dropAcknowledged, double, strangers, refusedAppears, swap, moveMoney, staleRead, brokenRead, stolenEpoch, fallenEpoch

        var property: Violation.Property {
            switch self {
            case .dropAcknowledged: .acknowledgedWriteLost
            case .double: .writeAppliedTwice
            case .strangers: .stranger
            case .refusedAppears: .refusedWritePresent
            case .swap: .writesReordered
            case .moveMoney: .balanceWrong
            case .staleRead: .staleRead
            case .brokenRead: .sumBroken
            case .stolenEpoch: .twoLeaders
            case .fallenEpoch: .epochFell
            }
        }
    }

    @Test(arguments: Corruption.allCases) func aSingleCorruptionIsCaught(corruption: Corruption) {
        for seed in Self.seeds {
            let history = RandomHistory(seed: seed, durability: "bucket")
            var random = SplitMix(seed: seed &+ 1_000)
            let verdict = Self.corrupt(history, corruption, &random)
            #expect(verdict.properties.contains(corruption.property), "\(corruption.rawValue), seed \(seed): \(verdict.violations)")
        }
    }

    private static func corrupt(_ random: RandomHistory, _ corruption: Corruption, _ generator: inout SplitMix) -> Verdict {
        var contents = random.contents
        var more: [HistoryEvent] = []
        let history = random.history
        let appends = history.operations.filter { $0.start.work.write?.ledger == .appends }
        switch corruption {
        case .dropAcknowledged:
            let acknowledged = Set(appends.filter { $0.acknowledgedAt != nil }.compactMap { $0.start.work.write?.token })
            let victim = contents.appends.indices.filter { acknowledged.contains(contents.appends[$0].token) }.randomElement(using: &generator)
            contents.appends.remove(at: victim ?? 0)
        case .double:
            let row = contents.appends.randomElement(using: &generator) ?? contents.appends[0]
            contents.appends.insert(row, at: Int.random(in: 0...contents.appends.count, using: &generator))
        case .strangers:
            contents.appends.append(.init(client: 1, number: 10_000, token: "unheard-of"))
        case .refusedAppears:
            let refused = appends.filter(\.isRefused).compactMap(\.start.work.write).randomElement(using: &generator)
            if let refused { contents.appends.append(.init(client: refused.client, number: refused.number, token: refused.token)) }
        case .swap:
            // Far enough apart for the one to have been acknowledged before the other was sent.
            contents.appends.swapAt(0, contents.appends.count - 1)
        case .moveMoney:
            contents.balances[0] += 1
            contents.balances[1] -= 1
        case .staleRead:
            more = read(Observation(tallies: [], total: 300))
        case .brokenRead:
            more = read(Observation(tallies: [], total: 301))
        case .stolenEpoch:
            more = [.leaseChanged(LeaseChange(database: "db", epoch: lastEpoch(history), session: "thief", at: Story.at(800_000)))]
        case .fallenEpoch:
            more = [.leaseChanged(LeaseChange(database: "db", epoch: lastEpoch(history) - 1, session: nil, at: Story.at(800_000)))]
        }
        return random.check(contents, more: more)
    }

    private static func lastEpoch(_ history: History) -> Int64 { history.leaseChanges.map(\.epoch).max() ?? 0 }

    private static func read(_ observation: Observation) -> [HistoryEvent] {
        [
            .started(RequestStart(id: 100_000, client: 9, database: "db", through: "node-1", at: Story.at(800_000), work: .read())),
            .finished(RequestFinish(id: 100_000, at: Story.at(800_001), outcome: .observed(observation))),
        ]
    }
}
