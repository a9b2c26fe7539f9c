import FleetModel
import FleetStore

/// The rounds of the `duckdb` benchmark.
struct EventRounds {
    let fleet: BenchFleet
    let driver: DataDriver
    let baseline: RawDuckDB
    let record: DatabaseRecord
    let context: BenchmarkContext

    private var rows: Int { context.scaled(400_000, minimum: 10_000) }
    private static let insertsPerTransaction = 20

    /// The same rows on both sides. In transactions of less than a row group: those go through the log.
    func prepare() async throws {
        try baseline.run(EventTable.schema)
        try await driver.execute(EventTable.schema)
        for start in stride(from: 0, to: rows, by: 100_000) {
            let fill = EventTable.fill(start..<min(start + 100_000, rows))
            try baseline.run(fill)
            try await driver.execute(fill)
        }
        try await settle()
        try await expectSameContent()
    }

    func compareSpeed() async throws -> [Measurement] {
        var results: [Measurement] = []
        if context.includes("analytic query") { results += try await analysis() }
        if context.includes("append") { results += try await appends() }
        return results
    }

    private func expectSameContent() async throws {
        let rows = try await driver.execute(EventTable.content).rows
        guard try rows == baseline.texts(EventTable.content) else { throw WorkLost("the tables differ") }
    }

    /// Returns when everything is shipped, and with it what the checkpoint after it wrote.
    private func settle() async throws {
        try await fleet.drainShipping()
        // Blocks that a checkpoint wrote go with the next commit.
        try await driver.execute("CREATE OR REPLACE TABLE settling AS SELECT 1 AS one")
        try await fleet.drainShipping()
    }

    // MARK: Queries

    private func analysis() async throws -> [Measurement] {
        let texts = try await driver.execute(EventTable.analysisAsText).rows
        guard try texts == baseline.texts(EventTable.analysisAsText) else { throw WorkLost("the analysis has other results") }
        let count = 10
        let query = try baseline.prepare(EventTable.analysis)
        let body = PipelineBody.single(EventTable.analysis, [])
        let outcome = try await Contest(rounds: context.rounds).run { _ in
            let (turn, rows) = try await Turn.timed(count) { try (0..<count).reduce(0) { sum, _ in try sum + query.run() } }
            guard rows == count * texts.count else { throw WorkLost("the baseline has \(rows) rows") }
            return turn
        } subject: { _ in
            let (turn, replies) = try await Turn.timed(count) {
                try await driver.send(Array(repeating: body, count: count), concurrency: 1)
            }
            let rows = try replies.reduce(0) { try $0 + (PipelineAnswer($1).statements.first?.rows.count ?? 0) }
            guard rows == count * texts.count else { throw WorkLost("the subject has \(rows) rows") }
            return turn
        }
        return [
            outcome.measurement("analytic query", unit: "queries/s", target: .ratio(atLeast: 0.95)),
            outcome.processorTime("analytic query", per: "query"),
        ]
    }

    // MARK: Appends

    private func appends() async throws -> [Measurement] {
        let perTransaction = Self.insertsPerTransaction * EventTable.rowsPerInsert
        let count = context.scaled(40_000, minimum: perTransaction) / perTransaction * perTransaction
        let statement = try baseline.prepare(EventTable.insert)
        var prepared: (round: Int, events: Events, bodies: [[UInt8]])?
        func events(_ round: Int) -> (events: Events, bodies: [[UInt8]]) {
            if let prepared, prepared.round == round { return (prepared.events, prepared.bodies) }
            let events = Events(first: Int64(rows + round * count), count: count)
            let bodies = stride(from: 0, to: count, by: perTransaction).map { start in
                PipelineBody.transaction(
                    stride(from: start, to: start + perTransaction, by: EventTable.rowsPerInsert).map { events.insertion(from: $0) })
            }
            prepared = (round, events, bodies)
            return (events, bodies)
        }
        let outcome = try await Contest(rounds: context.rounds).run { round in
            let events = events(round).events
            return try await Turn.timed(count) {
                for start in stride(from: 0, to: count, by: perTransaction) {
                    try baseline.run("BEGIN")
                    for first in stride(from: start, to: start + perTransaction, by: EventTable.rowsPerInsert) {
                        try events.insert(from: first, with: statement)
                    }
                    try baseline.run("COMMIT")
                }
            }.turn
        } subject: { round in
            let bodies = events(round).bodies
            let (turn, replies) = try await Turn.timed(count) { try await driver.send(bodies, concurrency: 2) }
            let affected = try replies.reduce(0) { try $0 + PipelineAnswer($1).statements.reduce(0) { $0 + $1.affectedRows } }
            guard affected == count else { throw WorkLost("\(affected) of \(count) rows were acknowledged") }
            try await fleet.drainShipping()
            return turn
        }
        try await expectSameContent()
        return [
            outcome.measurement("append", unit: "rows/s", target: .ratio(atLeast: 0.95)), outcome.processorTime("append", per: "row"),
        ]
    }

    // MARK: Shipping an update

    func update() async throws -> [Measurement] {
        try await settle()
        let before = try DuckDBBlocks(of: try await fleet.restore(record))
        let bytesBefore = fleet.bucketBytes
        let first = rows / 2
        let update = "UPDATE events SET amount = amount + 1, body = reverse(body) WHERE id >= \(first) AND id < \(first + rows / 100)"
        try baseline.run(update)
        guard try await driver.execute(update).affectedRows == rows / 100 else { throw WorkLost("the update changed other rows") }
        try await settle()
        let shipped = fleet.bucketBytes - bytesBefore
        let after = try DuckDBBlocks(of: try await fleet.restore(record))
        let dirty = after.bytesThatDiffer(from: before)
        guard dirty > 0 else { throw WorkLost("the update was not checkpointed: no block of the file has changed") }
        return [
            Measurement(
                metric: "update shipped, to changed blocks", value: Double(shipped), unit: "bytes", baseline: Double(dirty),
                ratio: Double(shipped) / Double(dirty), target: .ratio(atMost: 3)),
            Measurement(
                metric: "update shipped, to a full copy", value: Double(shipped), unit: "bytes", baseline: Double(after.fileBytes),
                ratio: Double(shipped) / Double(after.fileBytes)),
        ]
    }
}
