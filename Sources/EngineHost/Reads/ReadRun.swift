import CoreMetrics
import Engines
import FleetModel
import Hrana

/// Carries out the requests of one call, or one statement of a stream, on a reader. Confined to the thread that does it.
struct ReadRun {
    enum Outcome {
        /// - Parameter touchedData: the answers show data, or what tables there are.
        case answered([Result<StreamResponse, SQLError>], touchedData: Bool)
        /// It wants to write, or its files were closed: nothing of it has happened, and the writer is to carry it out.
        case isForWriter
    }

    /// Of the call, for ``ExecutionWatch``.
    private let call: UInt64
    private let isReadOnly: Bool
    private let end: RequestEnd
    private let database: OpenDatabase
    private let reader: EngineReader
    private var storedSQL: [Int32: String] = [:]
    private var answeredBytes: Int
    private var touchedData = false
    /// Everything is read in one transaction, of which its client knows nothing.
    private var isInOneState = false

    /// - Parameters:
    ///   - isReadOnly: what wants to write is refused to its client. Otherwise the writer carries it out.
    ///   - counters: what the client is told of its own changes.
    ///   - answeredBytes: by the call already.
    init(
        _ call: UInt64, isReadOnly: Bool, _ counters: SessionCounters = SessionCounters(), answeredBytes: Int = 0, end: RequestEnd,
        of database: OpenDatabase, on reader: EngineReader
    ) {
        self.call = call
        self.isReadOnly = isReadOnly
        self.answeredBytes = answeredBytes
        self.end = end
        self.database = database
        self.reader = reader
        // It fails only when its files were closed: so does what comes then, and goes to the writer.
        try? reader.run { connection throws(SQLError) in connection.counters = counters }
    }

    mutating func carryOut(_ readable: ReadableRequests) -> Outcome {
        if readable.showOneState {
            // Without a transaction they might show several states. Whatever is wrong, the writer finds out, and answers.
            do throws(SQLError) { try control("BEGIN") } catch { return .isForWriter }
            isInOneState = true
        }
        var results: [Result<StreamResponse, SQLError>] = []
        results.reserveCapacity(readable.requests.count)
        for request in readable.requests {
            do throws(SQLError) { results.append(.success(try respond(to: request))) } catch {
                guard let told = clientsError(of: error) else { return .isForWriter }
                results.append(.failure(told))
            }
        }
        endOneState()
        return .answered(results, touchedData: touchedData)
    }

    /// - Returns: `nil` when it wants to write, or its files were closed: nothing has happened, and the writer is to carry it out.
    mutating func carryOut(_ statement: SQLStatement) -> Result<SQLResult, SQLError>? {
        do throws(SQLError) {
            return .success(try perform { connection, limits throws(SQLError) in try connection.execute(statement, limits: limits) })
        } catch {
            return clientsError(of: error).map { .failure($0) }
        }
    }

    /// - Returns: what the client is told; `nil` when the writer is to carry the whole out: it wants to write, or its files were closed.
    private mutating func clientsError(of error: SQLError) -> SQLError? {
        if !isReadOnly && error.code == "BLOCKED" || !reader.isOpen { return nil }
        // An error may end a transaction, or be all that it answers from then on: what comes is carried out without.
        endOneState()
        return error
    }

    private mutating func endOneState() {
        guard isInOneState else { return }
        isInOneState = false
        // It fails when the engine has ended the transaction by itself, or the files were closed. What stays open, ``EngineReader/giveBack()`` ends.
        try? control("ROLLBACK")
    }

    private mutating func respond(to request: StreamRequest) throws(SQLError) -> StreamResponse {
        switch request {
        case .execute(let statement): return .execute(try execute(statement))
        case .batch(let batch): return .batch(try run(batch))
        case .sequence(let text):
            let sql = try text.resolved { storedSQL[$0] }
            let rest = try perform { connection, limits throws(SQLError) in
                try connection.executeScript(sql, from: .start, mayWrite: true, limits: limits)
            }
            invariant(rest == nil, "a script that may write stops at its end only")
            return .sequence
        case .describe(let text):
            let sql = try text.resolved { storedSQL[$0] }
            return .describe(try perform { connection, _ throws(SQLError) in try connection.describe(sql) })
        case .storeSQL(let id, let sql):
            try SQLStore.check(sql, replaces: storedSQL[id] != nil, among: storedSQL.count)
            storedSQL[id] = sql
            return .storeSQL
        case .closeSQL(let id):
            storedSQL[id] = nil
            return .closeSQL
        case .getAutocommit: return .getAutocommit(isAutocommit)
        case .close: return .close
        case .invalid(_, let error): throw error
        }
    }

    private var isAutocommit: Bool {
        if isInOneState { return true }
        return (try? reader.run { connection throws(SQLError) in connection.isAutocommit }) ?? true
    }

    private mutating func execute(_ statement: HranaStatement) throws(SQLError) -> SQLResult {
        let statement = try statement.resolved { storedSQL[$0] }
        let result = try perform { connection, limits throws(SQLError) in try connection.execute(statement, limits: limits) }
        answeredBytes += result.rowBlock.byteCount
        return result
    }

    /// A failing step does not stop the later ones; their conditions decide.
    ///
    /// - Throws: what is no step's, but of the whole call.
    private mutating func run(_ batch: Batch) throws(SQLError) -> BatchResult {
        var outcomes: [StepOutcome] = []
        var results: [StepResult] = []
        for step in batch.steps {
            let result: StepResult
            if let condition = step.condition, !condition.holds(after: outcomes, isAutocommit: isAutocommit) {
                result = .skipped
            } else {
                do throws(SQLError) { result = .succeeded(try execute(step.statement)) } catch {
                    guard let told = clientsError(of: error) else { throw error }
                    result = .failed(told)
                }
            }
            outcomes.append(result.outcome)
            results.append(result)
        }
        return BatchResult(steps: results)
    }

    /// Has an engine compile and carry something out, so that it cannot change anything.
    private mutating func perform<Value>(_ body: (any EngineConnection, StatementLimits) throws(SQLError) -> Value) throws(SQLError) -> Value {
        let host = database.host
        let limits = StatementLimits(
            deadline: min(host.now + host.settings.statementTimeout, end.deadline), maximumResponseBytes: max(0, host.settings.responseBytes - answeredBytes),
            isReadOnly: true)
        touchedData = true
        host.metrics.statements.increment()
        let work = host.watch.began(database.opening.database, calls: [call], deadline: limits.deadline, for: end)
        defer { host.watch.ended(work) }
        return try reader.run { connection throws(SQLError) in
            try end.interruptible(connection.interruptHandle) { () throws(SQLError) in try body(connection, limits) }
        }
    }

    /// Runs a statement of ours. It takes no time, so it has no deadline.
    private func control(_ sql: String) throws(SQLError) {
        try reader.run { connection throws(SQLError) in
            _ = try connection.execute(SQLStatement(sql, wantsRows: false), limits: StatementLimits(isReadOnly: true))
        }
    }
}
