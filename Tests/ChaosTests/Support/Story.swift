import Chaos

/// A small history of one database, told event by event; whatever is not said is as it should be.
///
/// Times are milliseconds.
struct Story {
    static let accounts = 2
    static let balance: Int64 = 100

    let database: TestedDatabase
    var events: [HistoryEvent] = []
    var faults: [FaultRecord] = []
    /// What is read back at the end.
    var appends: [Contents.Row] = []
    var transfers: [Contents.Row] = []
    var balances = Array(repeating: Story.balance, count: Story.accounts)
    var isHealed = true
    private var nextID = 1
    private var numbers: [Ledger: Int] = [:]
    /// The last append of clients other than 1, each of which has one.
    private var others: [Int: Int] = [:]

    /// TTL 2 s, ship interval 250 ms, lag up to 2 s.
    static let rules = Rules(leaseTTL: .seconds(2), shipInterval: .milliseconds(250), maxShipLag: .seconds(2))

    init(durability: String = "bucket") {
        database = TestedDatabase(
            name: "db", durability: durability, accounts: Self.accounts, balance: Self.balance)
        events = [
            .database(database),
            .sessionOpened(SessionOpening(session: "s1", node: "node-1", at: Self.at(0))),
            .sessionOpened(SessionOpening(session: "s2", node: "node-2", at: Self.at(0))),
            .leaseChanged(LeaseChange(database: "db", epoch: 1, session: "s1", at: Self.at(1))),
        ]
    }

    static func at(_ milliseconds: Int) -> Moment { Moment(microseconds: Int64(milliseconds) * 1000) }

    /// An append, which is in the database at the end unless it `isLost` or was refused.
    @discardableResult
    mutating func append(
        _ start: Int, _ end: Int, client: Int = 1, outcome: Outcome = .acknowledged, isThere: Bool? = nil
    ) -> Int {
        let write = next(.appends, client: client)
        if outcome == .acknowledged, client != 1 { others[client] = write.number }
        if isThere ?? (outcome == .acknowledged) {
            appends.append(Contents.Row(client: client, number: write.number, token: write.token))
        }
        return request(start, end, client: client, .append(write), outcome)
    }

    /// A transfer of 10 from the first to the second account.
    @discardableResult
    mutating func transfer(_ start: Int, _ end: Int, outcome: Outcome = .acknowledged) -> Int {
        let write = next(.transfers, client: 1)
        if outcome == .acknowledged {
            transfers.append(Contents.Row(client: 1, number: write.number, token: write.token))
            balances[0] -= 10
            balances[1] += 10
        }
        return request(start, end, client: 1, .transfer(write, Transfer(from: 0, to: 1, amount: 10), isInteractive: false), outcome)
    }

    /// A strong read that saw so many appends of client 1, numbered from 1, and everything else that was acknowledged.
    @discardableResult
    mutating func read(_ start: Int, _ end: Int, sees count: Int, total: Int64 = Story.balance * Int64(Story.accounts)) -> Int {
        var tallies = count == 0 ? [] : [Observation.Tally(ledger: .appends, client: 1, last: count, count: count)]
        for (client, number) in others.sorted(by: { $0.key < $1.key }) {
            tallies.append(.init(ledger: .appends, client: client, last: number, count: 1))
        }
        if let last = transfers.last { tallies.append(.init(ledger: .transfers, client: 1, last: last.number, count: last.number)) }
        return request(start, end, client: 2, .read(), .observed(Observation(tallies: tallies, total: total)))
    }

    mutating func fault(_ kind: FaultKind, _ target: String, _ began: Int, _ ended: Int) {
        faults.append(
            FaultRecord(number: faults.count, kind: kind, targets: [target], began: Self.at(began), ended: Self.at(ended)))
    }

    /// node-1 is killed; its session ends, and node-2 takes over.
    mutating func failover(killed: Int, takenOver: Int) {
        fault(.workerKill, "node-1", killed, takenOver)
        events.append(.sessionEnded(SessionEnd(session: "s1", reason: "worker ended", at: Self.at(takenOver - 1))))
        events.append(.leaseChanged(LeaseChange(database: "db", epoch: 2, session: "s2", at: Self.at(takenOver))))
    }

    /// With the end every run has: healed, served, read back.
    var history: History {
        var events = events
        if isHealed {
            events += [
                .healed(Self.at(100_000)), .served(Served(database: "db", through: nil, at: Self.at(100_500))),
                .served(Served(database: "db", through: "node-1", at: Self.at(100_600))),
            ]
        }
        events.append(
            .contents(Contents(database: "db", at: Self.at(110_000), appends: appends, transfers: transfers, balances: balances)))
        return History(events)
    }

    func check() -> Verdict { Checker.check(history, faults: faults, rules: Self.rules) }

    private mutating func next(_ ledger: Ledger, client: Int) -> Write {
        numbers[ledger, default: 0] += 1
        let number = numbers[ledger, default: 0]
        return Write(ledger: ledger, client: client, number: number, token: "\(ledger.rawValue)-\(number)")
    }

    private mutating func request(_ start: Int, _ end: Int, client: Int, _ work: Work, _ outcome: Outcome) -> Int {
        defer { nextID += 1 }
        events.append(
            .started(
                RequestStart(id: nextID, client: client, database: "db", through: "node-1", at: Self.at(start), work: work)))
        events.append(.finished(RequestFinish(id: nextID, at: Self.at(end), outcome: outcome)))
        return nextID
    }
}

extension Verdict {
    var properties: Set<Violation.Property> { Set(violations.map(\.property)) }
}
