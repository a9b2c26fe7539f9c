import Engines
import FleetModel
import Hrana

/// The requests of one call, which leave no transaction open and may be carried out in one that others share.
///
/// They are planned before they are on the lane, for the case that everything goes well: which steps of a batch are run, and
/// which statements come again. What does not go well is carried out by itself, outside any group.
struct ShareableRequests: Sendable {
    /// What is run, one after the other. Those without a run are compiled only, to be found wrong or to need the turn to write.
    private(set) var statements: [RepeatedStatement] = []
    /// Runs in `statements`.
    private(set) var statementCount = 0
    /// Not a transaction of one either: its BEGIN and COMMIT are statements to whoever carries it out alone.
    var isOneStatement: Bool { statementCount <= 1 && statements.count <= 1 }
    private var answers: [Answer] = []
    /// A transaction of the client's own was begun by the statements planned so far, and not ended.
    private var isInTransaction = false

    /// What a request is answered with.
    private enum Answer: Sendable {
        case statement(Part)
        case batch([Part])
        case known(Result<StreamResponse, SQLError>)
    }

    private enum Part: Sendable {
        /// The next of the results.
        case result
        /// BEGIN and COMMIT: the transaction it shares takes the place of the client's own.
        case done
        case skipped

        var outcome: StepOutcome { self == .skipped ? .skipped : .succeeded }
    }

    /// `nil` when they cannot be shared.
    init?(_ requests: [StreamRequest], by engine: any Engine) {
        answers.reserveCapacity(requests.count)
        for index in requests.indices {
            switch requests[index] {
            case .execute(let statement):
                guard let part = plan(statement, by: engine) else { return nil }
                answers.append(.statement(part))
            case .batch(let batch):
                guard let parts = plan(batch, by: engine) else { return nil }
                answers.append(.batch(parts))
            case .getAutocommit: answers.append(.known(.success(.getAutocommit(!isInTransaction))))
            case .invalid(_, let error): answers.append(.known(.failure(error)))
            case .close:
                guard index == requests.count - 1 else { return nil }
                answers.append(.known(.success(.close)))
            case .sequence, .describe, .storeSQL, .closeSQL: return nil
            }
        }
        if isInTransaction { return nil }
    }

    private mutating func plan(_ batch: Batch, by engine: any Engine) -> [Part]? {
        var parts: [Part] = []
        parts.reserveCapacity(batch.steps.count)
        var outcomes: [StepOutcome] = []
        outcomes.reserveCapacity(batch.steps.count)
        for step in batch.steps {
            if let condition = step.condition, !condition.holds(after: outcomes, isAutocommit: !isInTransaction) {
                parts.append(.skipped)
            } else {
                guard let part = plan(step.statement, by: engine) else { return nil }
                parts.append(part)
            }
            outcomes.append(parts[parts.count - 1].outcome)
        }
        return parts
    }

    /// Plans the next statement; `nil` when the requests cannot be shared because of it.
    private mutating func plan(_ statement: HranaStatement, by engine: any Engine) -> Part? {
        guard case .inline(let sql) = statement.text else { return nil }
        if let last = statements.indices.last, !statements[last].arguments.isEmpty, statements[last].wantsRows == statement.wantsRows,
            statements[last].sql.hasSameBytes(as: sql)
        {
            statements[last].arguments.append(statement.arguments)
        } else {
            let role = engine.transactionRole(of: sql)
            switch role {
            case .inside: statements.append(RepeatedStatement(sql, arguments: [statement.arguments], wantsRows: statement.wantsRows))
            case .begins, .commits:
                guard isInTransaction == (role == .commits), statement.arguments == .none else { return nil }
                isInTransaction.toggle()
                statements.append(RepeatedStatement(sql, arguments: []))
                return .done
            case .undoes, .unknown: return nil
            }
        }
        statementCount += 1
        return .result
    }

    /// The answers to the requests.
    func answers(_ results: GroupResults) -> [Result<StreamResponse, SQLError>] {
        var next = 0
        func step(_ part: Part) -> StepResult {
            if part == .skipped { return .skipped }
            // Also the COMMIT of what was written.
            if let failure = results.failure, next >= failure.first + (part == .done ? 1 : 0) {
                if part == .result { next += 1 }
                return .failed(failure.error)
            }
            guard part == .result else { return .succeeded(SQLResult()) }
            defer { next += 1 }
            return .succeeded(results.results[next])
        }
        return answers.map { answer in
            switch answer {
            case .known(let answer): return answer
            case .batch(let parts): return .success(.batch(BatchResult(steps: parts.map(step))))
            case .statement(let part):
                switch step(part) {
                case .succeeded(let result): return .success(.execute(result))
                case .failed(let error): return .failure(error)
                case .skipped: return .success(.execute(SQLResult()))
                }
            }
        }
    }
}

/// What the statements of a request answered that was carried out in a shared transaction.
struct GroupResults: Sendable {
    /// One for each run of a statement.
    var results: [SQLResult] = []
    /// The transaction was not kept: the first write, and everything from it on, is answered with this.
    var failure: (first: Int, error: SQLError)?
}
