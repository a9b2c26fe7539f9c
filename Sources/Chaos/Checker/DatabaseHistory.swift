/// One database's part of a history, indexed for the checks.
struct DatabaseHistory {
    /// A client's rows in one ledger.
    struct Series: Hashable {
        var ledger: Ledger
        var client: Int
    }

    let database: TestedDatabase
    let operations: [History.Operation]
    let contents: Contents?
    /// Writes by their token.
    let writes: [String: History.Operation]
    /// Tokens in the database at the end.
    let present: Set<String>

    init(_ database: TestedDatabase, operations: [History.Operation], contents: Contents?) {
        self.database = database
        self.operations = operations
        self.contents = contents
        writes = Dictionary(operations.compactMap { operation in operation.start.work.write.map { ($0.token, operation) } }) { first, _ in first }
        present = Set(Ledger.allCases.flatMap { contents?.rows(of: $0) ?? [] }.map(\.token))
    }

    /// Whether there is anything to check; says so when there is not.
    func isTested(_ verdict: inout Verdict) -> Bool {
        let name = database.name
        guard contents != nil else {
            verdict.add(Violation(.untested, database: name, "it was not read back"))
            return false
        }
        if !operations.contains(where: { $0.acknowledgedAt != nil }) {
            verdict.add(Violation(.untested, database: name, "no write was acknowledged"))
        }
        if !operations.contains(where: { $0.observation != nil }) {
            verdict.add(Violation(.untested, database: name, "no read was answered"))
        }
        return true
    }

    /// Every row was written by somebody, once, in order, and by a request that was not refused.
    func checkRows(_ verdict: inout Verdict) {
        for ledger in Ledger.allCases {
            var seen: Set<String> = [], inOrder: [History.Operation] = []
            for row in contents?.rows(of: ledger) ?? [] {
                guard let operation = writes[row.token], let write = operation.start.work.write,
                    write == Write(ledger: ledger, client: row.client, number: row.number, token: row.token)
                else {
                    verdict.add(Violation(.stranger, database: database.name, "\(ledger.rawValue) holds \(row)"))
                    continue
                }
                guard seen.insert(row.token).inserted else {
                    verdict.add(
                        Violation(
                            .writeAppliedTwice, database: database.name, "\(describe(operation)) is there twice", requests: [operation.id]))
                    continue
                }
                if operation.isRefused {
                    verdict.add(
                        Violation(
                            .refusedWritePresent, database: database.name, "\(describe(operation)) is there", requests: [operation.id]))
                }
                inOrder.append(operation)
            }
            checkOrder(inOrder, &verdict)
        }
    }

    /// A write that was acknowledged before another was even sent comes before it, whoever sent them. One in doubt may
    /// still be carried out later.
    private func checkOrder(_ rows: [History.Operation], _ verdict: inout Verdict) {
        var earliest: History.Operation?
        for operation in rows.reversed() {
            if let later = earliest, let acknowledged = later.acknowledgedAt, acknowledged < operation.start.at {
                verdict.add(
                    Violation(
                        .writesReordered, database: database.name, "\(describe(later)) comes after \(describe(operation))",
                        requests: [later.id, operation.id]))
            }
            guard let acknowledged = operation.acknowledgedAt else { continue }
            if earliest?.acknowledgedAt.map({ acknowledged < $0 }) ?? true { earliest = operation }
        }
    }

    /// Balances are what the transfers that are there make of them; reads saw the sum unchanged.
    func checkMoney(_ verdict: inout Verdict) {
        for operation in operations where operation.observation?.isRepeatable == false {
            verdict.add(
                Violation(
                    .unrepeatableRead, database: database.name,
                    "a transaction at \(operation.start.at) through \(operation.start.through) saw something else at its end",
                    requests: [operation.id]))
        }
        for operation in operations {
            guard let observation = operation.observation, observation.total != database.total else { continue }
            verdict.add(
                Violation(
                    .sumBroken, database: database.name,
                    "a read at \(operation.start.at) saw \(observation.total) in all instead of \(database.total)",
                    requests: [operation.id]))
        }
        guard let contents else { return }
        let total = contents.balances.reduce(0, +)
        if total != database.total {
            verdict.add(Violation(.sumBroken, database: database.name, "\(total) in all at the end instead of \(database.total)"))
        }
        var expected = Array(repeating: database.balance, count: database.accounts)
        for row in contents.transfers {
            guard case .transfer(_, let transfer, _) = writes[row.token]?.start.work,
                expected.indices.contains(transfer.from), expected.indices.contains(transfer.to)
            else { continue }
            expected[transfer.from] -= transfer.amount
            expected[transfer.to] += transfer.amount
        }
        if expected != contents.balances {
            let wrong = expected.indices.filter { !contents.balances.indices.contains($0) || contents.balances[$0] != expected[$0] }
            verdict.add(
                Violation(
                    .balanceWrong, database: database.name,
                    "accounts \(wrong) hold \(contents.balances), but the transfers that are there make it \(expected)"))
        }
    }

    func describe(_ operation: History.Operation) -> String {
        guard let write = operation.start.work.write else { return "a read of client \(operation.start.client)" }
        let end = operation.finish.map { finish in
            switch finish.outcome {
            case .acknowledged: "acknowledged at \(finish.at)"
            case .observed: "answered at \(finish.at)"
            case .refused(let code): "refused at \(finish.at) with \(code)"
            case .unknown(let why): "in doubt at \(finish.at): \(why)"
            }
        }
        return "\(write.ledger.rawValue) number \(write.number) of client \(write.client) (\(write.token)), sent at "
            + "\(operation.start.at) through \(operation.start.through), \(end ?? "without an answer")"
    }
}
