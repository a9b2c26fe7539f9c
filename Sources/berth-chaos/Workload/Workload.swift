import AsyncHTTPClient
import Chaos
import Foundation
import Synchronization

/// Clients that write, transfer and read, each after its own plan, through any gateway, whatever happens.
///
/// Nothing is tried again: a write whose outcome is unknown is left alone, and its number is not used again.
final class Workload: Sendable {
    struct Settings: Sendable {
        var databases: [TestedDatabase]
        var clients: Int
        /// Between an answer and the client's next request.
        var pace: Duration
        var seed: UInt64
    }

    /// A client's last number of a ledger of a database.
    struct Series: Hashable, Sendable {
        var client: Int
        var database: String
        var ledger: Ledger
    }

    let settings: Settings
    let recorder: Recorder
    private let fleet: ChaosFleet
    private let numbers = Mutex<[Series: Int]>([:])
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// A server that says nothing for this long is given up.
    static let timeout: Duration = .seconds(4)
    /// Clients favour half of the databases for this long, so that the others fall idle.
    private static let season = 4_000_000

    init(_ settings: Settings, fleet: ChaosFleet, recorder: Recorder) {
        self.settings = settings
        self.fleet = fleet
        self.recorder = recorder
    }

    func start() {
        task.withLock {
            $0 = Task {
                await withDiscardingTaskGroup { group in
                    for client in 1...self.settings.clients { group.addTask { await self.work(client) } }
                }
            }
        }
    }

    /// Lets every client have the answer it waits for.
    func stop() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    private func work(_ client: Int) async {
        var random = SplitMix(seed: settings.seed &* 1_000_003 &+ UInt64(client))
        while !Task.isCancelled {
            let database = database(&random), entry = fleet.entries.randomElement(using: &random) ?? ""
            let choices = random
            _ = random.next()
            // Not cancelled in the middle: every request gets its answer.
            await Task { await self.request(client, database, entry, choices) }.value
            try? await Task.sleep(for: settings.pace)
        }
    }

    private func database(_ random: inout SplitMix) -> TestedDatabase {
        let all = settings.databases
        let season = Int(recorder.clock.now().microseconds) / Self.season
        let favoured = all.indices.filter { ($0 + season) % 2 == 0 }
        let isFavoured = Int.random(in: 0..<50, using: &random) != 0 && !favoured.isEmpty
        return all[(isFavoured ? favoured.randomElement(using: &random) : nil) ?? Int.random(in: all.indices, using: &random)]
    }

    private func request(_ client: Int, _ database: TestedDatabase, _ entry: String, _ choices: SplitMix) async {
        var random = choices
        let data = dataClient(database.name, through: entry)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<10:
            let write = write(.appends, client, database.name), isLoad = Int.random(in: 0..<5, using: &random) == 0
            await recorder.request(client: client, database: database.name, through: entry, .append(write, isLoad: isLoad)) {
                await data.append(write, isLoad: isLoad)
            }
        case 10..<15:
            let write = write(.transfers, client, database.name), isInteractive = Bool.random(using: &random)
            let from = Int.random(in: 0..<database.accounts, using: &random)
            let to = (from + Int.random(in: 1..<database.accounts, using: &random)) % database.accounts
            let transfer = Transfer(from: from, to: to, amount: Int64.random(in: 1...20, using: &random))
            await recorder.request(
                client: client, database: database.name, through: entry, .transfer(write, transfer, isInteractive: isInteractive)
            ) {
                isInteractive
                    ? await data.transferStepwise(write, transfer, Dialect(of: database))
                    : await data.transferAtOnce(write, transfer, Dialect(of: database))
            }
        default:
            let isCursor = Int.random(in: 0..<4, using: &random) == 0
            let hold = Duration.milliseconds(Int.random(in: 100...1_500, using: &random))
            if Int.random(in: 0..<6, using: &random) == 0 {
                // A transaction that reads, and nothing else, while others write and what they wrote is shipped.
                await recorder.request(client: client, database: database.name, through: entry, .read(isHeld: true)) {
                    await data.observeTwice { try? await Task.sleep(for: hold) }
                }
            } else {
                await recorder.request(client: client, database: database.name, through: entry, .read(isCursor: isCursor)) {
                    await data.observe(isCursor: isCursor)
                }
            }
        }
    }

    /// The next write of a client to a ledger.
    func write(_ ledger: Ledger, _ client: Int, _ database: String) -> Write {
        let number = numbers.withLock { numbers in
            numbers[Series(client: client, database: database, ledger: ledger), default: 0] += 1
            return numbers[Series(client: client, database: database, ledger: ledger), default: 0]
        }
        return Write(ledger: ledger, client: client, number: number, token: Self.token())
    }

    func dataClient(_ database: String, through entry: String, timeout: Duration = Workload.timeout) -> DataClient {
        DataClient(
            http: fleet.http, url: fleet.addresses.url(entry), database: database, token: fleet.token, timeout: timeout)
    }

    /// Not from the seed: two runs on one fleet must not write the same.
    private static func token() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }
}
