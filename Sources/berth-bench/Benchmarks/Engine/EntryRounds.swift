import FleetModel

/// The rounds of the `engine` benchmark: the same statements on both sides.
struct EntryRounds {
    let fleet: BenchFleet
    let driver: DataDriver
    let baseline: EntryBaseline
    let context: BenchmarkContext
    private let contest: Contest
    private let prefilled: Int

    init(fleet: BenchFleet, driver: DataDriver, baseline: EntryBaseline, context: BenchmarkContext) {
        self.fleet = fleet
        self.driver = driver
        self.baseline = baseline
        self.context = context
        contest = Contest(rounds: context.rounds)
        prefilled = context.scaled(10_000, minimum: 1_000)
    }

    private static let singleConcurrency = 64
    private static let bulkConcurrency = 8
    private static let batchSize = 500

    /// The same rows on both sides before anything is measured.
    func prepare() async throws {
        for statement in EntryTable.schema { try await driver.execute(statement) }
        let entries = Entries(ids: 1...Int64(prefilled), seed: 1)
        try baseline.insert(entries, inBatchesOf: Self.batchSize)
        _ = try await insertInBatches(batches(of: entries))
        try await fleet.drainShipping()
    }

    func run() async throws -> [Measurement] {
        var nextID = Int64(prefilled) + 1
        func newEntries(_ count: Int) -> Entries {
            defer { nextID += Int64(count) }
            return Entries(ids: nextID..<(nextID + Int64(count)), seed: UInt64(nextID))
        }
        var results: [Measurement] = []
        results.append(
            contentsOf: try await reads(
                "point read, 100 per request", EntryTable.pointRead, count: 100_000, perRequest: 100, Self.bulkConcurrency,
                target: .ratio(atLeast: 0.95), baseline.pointReads))
        results.append(
            contentsOf: try await reads(
                "point read, 1 per request", EntryTable.pointRead, count: 50_000, perRequest: 1, Self.singleConcurrency,
                target: nil, baseline.pointReads))
        results.append(
            contentsOf: try await reads(
                "range read of 100 rows", EntryTable.rangeRead, count: 4_000, perRequest: 10, Self.bulkConcurrency,
                target: nil, baseline.rangeReads))
        let singles = context.scaled(40_000, minimum: 64)
        results.append(
            contentsOf: try await writes("single INSERT", target: .ratio(atLeast: 1), rows: singles) { _ in
                let entries = newEntries(singles)
                return Writing(
                    bodies: entries.rows.map { PipelineBody.many([entries.insert($0)]) },
                    concurrency: Self.singleConcurrency,
                    baseline: { try baseline.insert(entries.rows[...], of: entries) })
            })
        results.append(
            contentsOf: try await writes("UPDATE by key", target: nil, rows: prefilled) { round in
                // No key twice: which of two updates comes last would be chance.
                var random = SeededRandom(seed: 77 + UInt64(round))
                let ids = (1...Int64(prefilled)).shuffled(using: &random)
                let entries = Entries(ids: ids, seed: 777 + UInt64(round))
                return Writing(
                    bodies: entries.rows.map { PipelineBody.many([entries.update($0)]) },
                    concurrency: Self.singleConcurrency, baseline: { try baseline.update(entries) })
            })
        let batched = context.scaled(100_000, minimum: Self.batchSize)
        results.append(
            contentsOf: try await writes("batch INSERT of \(Self.batchSize) rows", target: .ratio(atLeast: 0.9), rows: batched) { _ in
                let entries = newEntries(batched)
                return Writing(
                    bodies: batches(of: entries), concurrency: Self.bulkConcurrency,
                    baseline: { try baseline.insert(entries, inBatchesOf: Self.batchSize) })
            })
        return results
    }

    private func batches(of entries: Entries) -> [[UInt8]] {
        stride(from: 0, to: entries.rows.count, by: Self.batchSize).map { start in
            PipelineBody.transaction(
                entries.rows[start..<min(start + Self.batchSize, entries.rows.count)].map { entries.insert($0) })
        }
    }

    private func insertInBatches(_ bodies: [[UInt8]]) async throws -> [[UInt8]] {
        try await driver.send(bodies, concurrency: Self.bulkConcurrency)
    }

    // MARK: Reading

    private func reads(
        _ metric: String, _ sql: String, count: Int, perRequest: Int, _ concurrency: Int, target: Target?,
        _ read: ([Int64]) throws -> RowSum
    ) async throws -> [Measurement] {
        guard context.includes(metric) else { return [] }
        let count = context.scaled(count, minimum: perRequest * concurrency) / perRequest * perRequest
        var random = SeededRandom(seed: UInt64(count))
        let keys = (0..<count).map { _ in Int64.random(in: 1...Int64(prefilled - 100), using: &random) }
        let bodies = stride(from: 0, to: count, by: perRequest).map { start in
            PipelineBody.many(
                keys[start..<(start + perRequest)].map { PipelineBody.Statement(sql: sql, arguments: [.integer($0)]) })
        }
        let expected = try read(keys)
        let outcome = try await contest.run { _ in
            let (turn, sum) = try await Turn.timed(count) { try read(keys) }
            guard sum == expected else { throw WorkLost("the baseline read other rows than before") }
            return turn
        } subject: { round in
            // The bytes of later rounds are the same requests' on the same rows.
            let isFirst = round == 0
            let (turn, replies) = try await Turn.timed(count) {
                try await driver.send(bodies, concurrency: concurrency) { reply in
                    guard !reply.isEmpty else { throw WorkLost("\(metric): an empty answer") }
                    return isFirst ? reply : []
                }
            }
            guard try !isFirst || Self.sum(of: replies, statements: count) == expected else {
                throw WorkLost("\(metric): other rows than the baseline's")
            }
            return turn
        }
        return [
            outcome.measurement(metric, unit: "statements/s", target: target), outcome.processorTime(metric, per: "statement"),
        ]
    }

    /// The sum of all rows in the replies, from the values as the client reads them.
    private static func sum(of replies: [[UInt8]], statements: Int) throws -> RowSum {
        var sum = RowSum()
        var count = 0
        for reply in replies {
            for statement in try PipelineAnswer(reply).statements {
                count += 1
                for row in statement.rows {
                    guard row.count == 4, let id = row[0].flatMap(Int64.init), let account = row[1].flatMap(Int64.init) else {
                        throw WorkLost("a row is \(row)")
                    }
                    sum.add(id)
                    sum.add(account)
                    for text in row[2...] { Array((text ?? "").utf8).withUnsafeBytes { sum.add($0) } }
                }
            }
        }
        guard count == statements else { throw WorkLost("\(statements) statements have \(count) answers") }
        return sum
    }

    // MARK: Writing

    /// The last round's stay, to be compared with what is restored.
    private func removeWhatRoundsInserted() async throws {
        let removal = EntryTable.removal(after: Int64(prefilled))
        try baseline.database.run(removal)
        try await driver.execute(removal)
        try await fleet.drainShipping()
    }

    private struct Writing {
        var bodies: [[UInt8]]
        var concurrency: Int
        var baseline: () throws -> Void
    }

    /// Measures until everything is acknowledged; what is not shipped by then is shipped before the baseline's turn.
    private func writes(
        _ metric: String, target: Target?, rows: Int, _ prepare: (_ round: Int) -> Writing
    ) async throws -> [Measurement] {
        guard context.includes(metric) else { return [] }
        var prepared: (round: Int, writing: Writing)?
        func writing(_ round: Int) async throws -> Writing {
            if let prepared, prepared.round == round { return prepared.writing }
            try await removeWhatRoundsInserted()
            let writing = prepare(round)
            prepared = (round, writing)
            return writing
        }
        let outcome = try await contest.run { round in
            let writing = try await writing(round)
            return try await Turn.timed(rows) { try writing.baseline() }.turn
        } subject: { round in
            let writing = try await writing(round)
            let (turn, replies) = try await Turn.timed(rows) {
                try await driver.send(writing.bodies, concurrency: writing.concurrency)
            }
            try await fleet.drainShipping()
            let affected = try replies.reduce(0) { try $0 + PipelineAnswer($1).statements.reduce(0) { $0 + $1.affectedRows } }
            guard affected == rows else { throw WorkLost("\(metric): \(affected) of \(rows) rows were acknowledged") }
            return turn
        }
        return [outcome.measurement(metric, unit: "rows/s", target: target), outcome.processorTime(metric, per: "row")]
    }
}
