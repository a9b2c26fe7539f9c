import Chaos

/// Reads everything in a database, in one transaction and so of one moment.
struct ReadBack: Sendable {
    let fleet: ChaosFleet
    let workload: Workload
    let recorder: Recorder

    private static let patience: Duration = .seconds(60)
    private static let page = 2_000

    /// What cannot be read back is told, and shows in the verdict as untested.
    func run() async throws {
        let deadline = ContinuousClock.now + Self.patience
        for database in workload.settings.databases {
            do {
                let left = max(.seconds(5), deadline - .now)
                let contents = try await eventually("\(database.name) is read back", within: left, every: .milliseconds(200)) {
                    try await read(database, through: fleet.entries.randomElement() ?? "")
                }
                recorder.record(.contents(contents))
            } catch {
                try Task.checkCancellation()
                Console.say("\(error)")
            }
        }
    }

    private func read(_ database: TestedDatabase, through entry: String) async throws -> Contents {
        let client = workload.dataClient(database.name, through: entry, timeout: .seconds(20))
        let first = try await client.pipeline([
            .execute("BEGIN"), .execute("SELECT balance FROM accounts ORDER BY id"),
        ])
        _ = try first.result(0)
        let balances = (try first.result(1).rows ?? []).compactMap { $0.first?.text.flatMap { Int64($0) } }
        var baton = first.baton
        let appends = try await rows(of: .appends, client, &baton)
        let transfers = try await rows(of: .transfers, client, &baton)
        _ = try await client.pipeline([.execute("COMMIT"), .close], baton: baton).result(0)
        return Contents(
            database: database.name, at: recorder.clock.now(), appends: appends, transfers: transfers, balances: balances)
    }

    private func rows(of ledger: Ledger, _ client: DataClient, _ baton: inout String?) async throws -> [Contents.Row] {
        var rows: [Contents.Row] = []
        var last: Int64 = -1
        while true {
            let reply = try await client.pipeline(
                [
                    .execute(
                        "SELECT rowid, client, number, token FROM \(ledger.rawValue) WHERE rowid > ? ORDER BY rowid LIMIT \(Self.page)",
                        [.integer(last)]),
                ], baton: baton)
            baton = reply.baton
            let page = try reply.result(0).rows ?? []
            for row in page {
                let cells = row.compactMap(\.text)
                guard cells.count == 4, let id = Int64(cells[0]), let client = Int(cells[1]), let number = Int(cells[2]) else {
                    throw ChaosError("\(ledger.rawValue) has a row that makes no sense: \(row)")
                }
                rows.append(Contents.Row(client: client, number: number, token: cells[3]))
                last = id
            }
            if page.count < Self.page { return rows }
        }
    }
}
