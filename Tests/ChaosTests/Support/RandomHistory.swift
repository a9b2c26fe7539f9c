import Chaos

/// A history as a fleet that keeps its promises would make it: several clients, one after the other or overlapping, each
/// request taking effect at one moment between its start and its end; leaders that die and take unshipped writes with them.
struct RandomHistory {
    private struct Request {
        var id: Int
        var client: Int
        var start: Int
        var effect: Int
        var end: Int
        var work: Work
    }

    private(set) var events: [HistoryEvent] = []
    private(set) var faults: [FaultRecord] = []
    private(set) var contents: Contents
    let database: TestedDatabase
    private var random: SplitMix

    private static let clients = 4
    private static let requests = 60
    private static let shipInterval = 250

    init(seed: UInt64, durability: String) {
        random = SplitMix(seed: seed)
        database = TestedDatabase(name: "db", durability: durability, accounts: 3, balance: 100)
        contents = Contents(
            database: "db", at: Story.at(1_000_000), appends: [], transfers: [], balances: Array(repeating: 100, count: 3))
        events = [.database(database), .leaseChanged(LeaseChange(database: "db", epoch: 1, session: "s1", at: Story.at(0)))]
        events.append(.sessionOpened(SessionOpening(session: "s1", node: "node-1", at: Story.at(0))))
        play(plan())
        events += [.healed(Story.at(900_000)), .served(Served(database: "db", through: nil, at: Story.at(900_100)))]
    }

    var history: History { History(events + [.contents(contents)]) }

    func check(_ contents: Contents? = nil, more: [HistoryEvent] = []) -> Verdict {
        Checker.check(History(events + more + [.contents(contents ?? self.contents)]), faults: faults, rules: Story.rules)
    }

    /// What every client asks when, in the order in which it takes effect.
    private mutating func plan() -> [Request] {
        var requests: [Request] = []
        for client in 1...Self.clients {
            var time = Int.random(in: 10...100, using: &random), numbers: [Ledger: Int] = [:]
            for _ in 0..<Self.requests {
                let start = time + Int.random(in: 1...40, using: &random), end = start + Int.random(in: 2...60, using: &random)
                let work = work(client, &numbers)
                requests.append(
                    Request(
                        id: requests.count + 1, client: client, start: start, effect: Int.random(in: start + 1...end, using: &random),
                        end: end + 1, work: work))
                time = end
            }
        }
        return requests.sorted { ($0.effect, $0.id) < ($1.effect, $1.id) }
    }

    private mutating func work(_ client: Int, _ numbers: inout [Ledger: Int]) -> Work {
        func write(_ ledger: Ledger) -> Write {
            numbers[ledger, default: 0] += 1
            let number = numbers[ledger, default: 0]
            return Write(ledger: ledger, client: client, number: number, token: "\(ledger.rawValue)-\(client)-\(number)")
        }
        switch Int.random(in: 0..<3, using: &random) {
        case 0: return .append(write(.appends))
        case 1:
            let from = Int.random(in: 0..<3, using: &random)
            return .transfer(
                write(.transfers), Transfer(from: from, to: (from + 1) % 3, amount: Int64.random(in: 1...9, using: &random)),
                isInteractive: false)
        default: return .read()
        }
    }

    private mutating func play(_ requests: [Request]) {
        var epoch = 1, deathAt = 800, shipped = contents, shippedAt = 0
        for request in requests {
            if request.effect >= deathAt {
                // What was acknowledged and not yet shipped goes with the leader; a bucket database acknowledges nothing else.
                if database.mayLoseUnshipped { contents = shipped }
                die(epoch, at: deathAt)
                epoch += 1
                deathAt += Int.random(in: 600...1_500, using: &random)
            }
            if request.effect - shippedAt >= Self.shipInterval {
                shipped = contents
                shippedAt = request.effect
            }
            carryOut(request)
        }
    }

    private mutating func die(_ epoch: Int, at death: Int) {
        faults.append(
            FaultRecord(
                number: epoch, kind: .workerKill, targets: ["node-\(epoch)"], began: Story.at(death), ended: Story.at(death + 1)))
        let successor = "s\(epoch + 1)"
        events += [
            .sessionOpened(SessionOpening(session: successor, node: "node-\(epoch + 1)", at: Story.at(death - 1))),
            .sessionEnded(SessionEnd(session: "s\(epoch)", reason: "worker ended", at: Story.at(death))),
            .leaseChanged(LeaseChange(database: "db", epoch: Int64(epoch + 1), session: successor, at: Story.at(death))),
        ]
    }

    private mutating func carryOut(_ request: Request) {
        let chance = Int.random(in: 0..<10, using: &random)
        let outcome: Outcome
        switch request.work {
        case .read: outcome = chance == 0 ? .unknown("timeout") : .observed(observation)
        case .append(let write, _), .transfer(let write, _, _):
            switch chance {
            case 0: outcome = .refused("leader_unavailable")
            case 1: outcome = .unknown("timeout")
            default: outcome = .acknowledged
            }
            // In doubt, half of them are carried out.
            if outcome == .acknowledged || (chance == 1 && Bool.random(using: &random)) { add(write, request.work) }
        }
        events += [
            .started(
                RequestStart(
                    id: request.id, client: request.client, database: "db", through: "node-1", at: Story.at(request.start),
                    work: request.work)),
            .finished(RequestFinish(id: request.id, at: Story.at(request.end), outcome: outcome)),
        ]
    }

    private mutating func add(_ write: Write, _ work: Work) {
        let row = Contents.Row(client: write.client, number: write.number, token: write.token)
        if case .transfer(_, let transfer, _) = work {
            contents.transfers.append(row)
            contents.balances[transfer.from] -= transfer.amount
            contents.balances[transfer.to] += transfer.amount
        } else {
            contents.appends.append(row)
        }
    }

    private var observation: Observation {
        var tallies: [Observation.Tally] = []
        for ledger in Ledger.allCases {
            for (client, rows) in Dictionary(grouping: contents.rows(of: ledger), by: \.client).sorted(by: { $0.key < $1.key }) {
                tallies.append(
                    .init(ledger: ledger, client: client, last: rows.map(\.number).max() ?? 0, count: rows.count))
            }
        }
        return Observation(tallies: tallies, total: contents.balances.reduce(0, +))
    }
}
