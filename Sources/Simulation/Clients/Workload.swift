import Chaos
import FleetModel

/// Clients that write, transfer and read through any node, whatever happens. Nothing is tried again.
final class Workload: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    private struct Series: Hashable {
        var client: Int
        var database: String
        var ledger: Ledger
    }

    private let fleet: SimulatedFleet
    private var numbers: [Series: Int] = [:]
    private var nextRequest = 1
    private var working = 0
    private var isStopping = false

    init(_ fleet: SimulatedFleet) { self.fleet = fleet }

    var isIdle: Bool { working == 0 }

    /// Makes the tables of every database, however often it takes.
    func prepare(then done: @escaping () -> Void) {
        let left = Countdown(fleet.databases.count, done)
        for database in fleet.databases {
            let life = Life("client-0")
            let clock = fleet.makeClock(life)
            fleet.scheduler.start(on: life) { [self] in
                let tables = HranaRequest.transaction(
                    begin: Dialect(of: database).begin, Dialect.tables(accounts: database.accounts, balance: database.balance))
                while true {
                    if let client = client(life, database.name), let reply = try? await client.pipeline([tables, .close]),
                        let result = try? reply.result(0), result.stepErrors?.compactMap({ $0 }).isEmpty ?? true
                    { break }
                    try? await clock.sleep(for: .milliseconds(100))
                }
                left.countDown()
            }
        }
    }

    func start() {
        for number in 1...fleet.settings.clients {
            working += 1
            let life = Life("client-\(number)")
            let clock = fleet.makeClock(life)
            fleet.scheduler.start(on: life) { [self] in
                while !isStopping {
                    await request(number, life)
                    let pause = fleet.scheduler.chance.duration(in: .milliseconds(2) ... .milliseconds(120))
                    try? await clock.sleep(for: pause)
                }
                working -= 1
            }
        }
    }

    func stop() { isStopping = true }

    private func client(_ life: Life, _ database: String, _ entry: NodeProcess? = nil) -> SimulatedClient? {
        guard let name = try? DatabaseName(database), let node = entry ?? fleet.nodes.randomElement(using: &fleet.scheduler.chance)
        else { return nil }
        return SimulatedClient(life: life, fleet: fleet, entry: node, database: name)
    }

    private func write(_ ledger: Ledger, _ client: Int, _ database: String) -> Write {
        let series = Series(client: client, database: database, ledger: ledger)
        numbers[series, default: 0] += 1
        let number = numbers[series, default: 0]
        return Write(ledger: ledger, client: client, number: number, token: "\(ledger.rawValue)-\(database)-\(client)-\(number)")
    }

    private func request(_ number: Int, _ life: Life) async {
        guard let database = fleet.databases.randomElement(using: &fleet.scheduler.chance),
            let client = client(life, database.name)
        else { return }
        switch Int.random(in: 0..<20, using: &fleet.scheduler.chance) {
        case 0..<10:
            let write = write(.appends, number, database.name)
            let isLoad = Int.random(in: 0..<5, using: &fleet.scheduler.chance) == 0
            await record(number, database.name, client, .append(write, isLoad: isLoad)) { await client.append(write, isLoad: isLoad) }
        case 10..<15:
            let write = write(.transfers, number, database.name)
            let isInteractive = Bool.random(using: &fleet.scheduler.chance)
            let from = Int.random(in: 0..<database.accounts, using: &fleet.scheduler.chance)
            let to = (from + Int.random(in: 1..<database.accounts, using: &fleet.scheduler.chance)) % database.accounts
            let transfer = Transfer(from: from, to: to, amount: Int64.random(in: 1...20, using: &fleet.scheduler.chance))
            await record(number, database.name, client, .transfer(write, transfer, isInteractive: isInteractive)) {
                isInteractive
                    ? await client.transferStepwise(write, transfer, Dialect(of: database))
                    : await client.transferAtOnce(write, transfer, Dialect(of: database))
            }
        default:
            let isCursor = Int.random(in: 0..<4, using: &fleet.scheduler.chance) == 0
            await record(number, database.name, client, .read(isCursor: isCursor)) { await client.observe(isCursor: isCursor) }
        }
    }

    @discardableResult
    private func record(
        _ number: Int, _ database: String, _ client: SimulatedClient, _ work: Work, _ carryOut: @Sendable () async -> Outcome
    ) async -> Outcome {
        let id = nextRequest
        nextRequest += 1
        let who = "client-\(number)"
        fleet.note(who, "request \(id) to \(database) through \(client.entry.name): \(work.text)")
        fleet.record(
            .started(
                RequestStart(id: id, client: number, database: database, through: "\(client.entry.name)", at: fleet.now, work: work)))
        let headBefore = fleet.head(of: database)
        let outcome = await carryOut()
        if case .acknowledged = outcome, work.isWrite { fleet.checker.acknowledged(id, of: database, headBefore: headBefore) }
        fleet.record(.finished(RequestFinish(id: id, at: fleet.now, outcome: outcome)))
        fleet.note(who, "request \(id): \(outcome.text)")
        return outcome
    }

    // MARK: After the faults

    /// Finds out when every database takes a write, and answers a read through every node.
    func heal(then done: @escaping () -> Void) {
        let left = Countdown(fleet.databases.count * (fleet.nodes.count + 1), done)
        let number = fleet.settings.clients + 1
        for database in fleet.databases {
            for entry in [nil] + fleet.nodes.map(Optional.some) {
                let life = Life("client-\(number)")
                let clock = fleet.makeClock(life)
                fleet.scheduler.start(on: life) { [self] in
                    while true {
                        guard let client = client(life, database.name, entry) else { return }
                        let outcome: Outcome
                        if entry == nil {
                            let write = write(.appends, number, database.name)
                            outcome = await record(number, database.name, client, .append(write)) { await client.append(write) }
                        } else {
                            outcome = await record(number, database.name, client, .read()) { await client.observe() }
                        }
                        switch outcome {
                        case .acknowledged, .observed:
                            fleet.record(.served(Served(database: database.name, through: entry.map { "\($0.name)" }, at: fleet.now)))
                            left.countDown()
                            return
                        case .refused, .unknown: try? await clock.sleep(for: .milliseconds(50))
                        }
                    }
                }
            }
        }
    }

    /// Reads everything in every database.
    func readBack(then done: @escaping () -> Void) {
        let left = Countdown(fleet.databases.count, done)
        for database in fleet.databases {
            let life = Life("reader")
            let clock = fleet.makeClock(life)
            fleet.scheduler.start(on: life) { [self] in
                while true {
                    if let client = client(life, database.name), let contents = await client.contents(database, at: fleet.now) {
                        fleet.record(.contents(contents))
                        left.countDown()
                        return
                    }
                    try? await clock.sleep(for: .milliseconds(100))
                }
            }
        }
    }
}

/// Calls back when so many have finished.
private final class Countdown: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.
    private var left: Int
    private let done: () -> Void

    init(_ count: Int, _ done: @escaping () -> Void) {
        left = count
        self.done = done
    }

    func countDown() {
        left -= 1
        if left == 0 { done() }
    }
}

extension Work {
    var isWrite: Bool {
        if case .read = self { false } else { true }
    }

    var text: String {
        switch self {
        case .append(let write, let isLoad): "\(isLoad ? "load" : "append") \(write.token)"
        case .transfer(let write, let transfer, let isInteractive):
            "transfer \(write.token): \(transfer.amount) from \(transfer.from) to \(transfer.to)\(isInteractive ? ", step by step" : "")"
        case .read(let isCursor, _): isCursor ? "read through a cursor" : "read"
        }
    }
}

extension Outcome {
    var text: String {
        switch self {
        case .acknowledged: "acknowledged"
        case .observed(let seen):
            "saw " + seen.tallies.map { "\($0.ledger.rawValue) of \($0.client): \($0.count) up to \($0.last)" }.joined(separator: ", ")
        case .refused(let why): "refused: \(why)"
        case .unknown(let why): "in doubt: \(why)"
        }
    }
}
