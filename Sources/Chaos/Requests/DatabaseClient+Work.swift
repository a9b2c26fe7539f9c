/// The three things clients do.
extension DatabaseClient {
    /// - Parameter isLoad: whether the row is loaded, instead of inserted by a statement.
    public func append(_ write: Write, isLoad: Bool = false) async -> Outcome {
        do throws(CallFailure) {
            if isLoad {
                let count = try await load("client,number,token\n\(write.client),\(write.number),\(write.token)\n", into: "appends")
                guard count == 1 else { return .unknown("\(count) rows were loaded instead of one") }
            } else {
                try await execute("INSERT INTO appends VALUES (?, ?, ?)", write.arguments)
            }
            return .acknowledged
        } catch {
            return Outcome(error)
        }
    }

    /// A whole transaction in one request.
    public func transferAtOnce(_ write: Write, _ transfer: Transfer, _ dialect: Dialect) async -> Outcome {
        let change = "UPDATE accounts SET balance = balance + ? WHERE id = ?"
        let batch = HranaRequest.transaction(
            begin: dialect.begin,
            [
                (change, [.integer(-transfer.amount), .integer(Int64(transfer.from))]),
                (change, [.integer(transfer.amount), .integer(Int64(transfer.to))]),
                ("INSERT INTO transfers VALUES (?, ?, ?)", write.arguments),
            ])
        do throws(CallFailure) {
            let result = try Self.result(0, of: await pipeline([batch, .close]))
            let commit = 4
            if let steps = result.stepResults, steps.indices.contains(commit), steps[commit] != nil { return .acknowledged }
            guard let error = result.stepErrors?.compactMap({ $0 }).first else { return .unknown("a batch without a commit or an error") }
            return Outcome(.refused(code: error.code ?? "-", message: error.message))
        } catch {
            return Outcome(error)
        }
    }

    /// A transaction over several requests, which reads balances and writes back what it makes of them: so it shows
    /// whether anybody else came in between.
    public func transferStepwise(_ write: Write, _ transfer: Transfer, _ dialect: Dialect) async -> Outcome {
        var baton: String?
        do throws(CallFailure) {
            let read = "SELECT balance FROM accounts WHERE id = ?"
            let first = try await pipeline([
                .execute(dialect.begin), .execute(read, [.integer(Int64(transfer.from))]),
                .execute(read, [.integer(Int64(transfer.to))]),
            ])
            baton = first.baton
            _ = try Self.result(0, of: first)
            let from = try Self.balance(1, of: first), to = try Self.balance(2, of: first)
            let set = "UPDATE accounts SET balance = ? WHERE id = ?"
            let second = try await pipeline(
                [
                    .execute(set, [.integer(from - transfer.amount), .integer(Int64(transfer.from))]),
                    .execute(set, [.integer(to + transfer.amount), .integer(Int64(transfer.to))]),
                    .execute("INSERT INTO transfers VALUES (?, ?, ?)", write.arguments),
                ], baton: baton)
            baton = second.baton
            for index in 0..<3 { _ = try Self.result(index, of: second) }
        } catch {
            // Nothing was committed, as nobody asked for it.
            await abandon(baton)
            if case .refused(let code, _) = error { return .refused("before commit: \(code)") }
            return .refused("before commit")
        }
        do throws(CallFailure) {
            _ = try Self.result(0, of: await pipeline([.execute("COMMIT"), .close], baton: baton))
            return .acknowledged
        } catch {
            return Outcome(error)
        }
    }

    /// - Parameter isCursor: whether the rows are read through a cursor.
    public func observe(isCursor: Bool = false) async -> Outcome {
        do throws(CallFailure) {
            let rows = isCursor ? try await rows(Dialect.observation) : try await execute(Dialect.observation).rows
            return .observed(try Self.observation(rows))
        } catch {
            return Outcome(error)
        }
    }

    /// Reads in a transaction that stays open while others write, and reads the same again at its end.
    ///
    /// - Parameter hold: returns when it has been open for long enough.
    public func observeTwice(while hold: () async -> Void) async -> Outcome {
        var baton: String?
        do throws(CallFailure) {
            let first = try await pipeline([.execute("BEGIN"), .execute(Dialect.observation)])
            baton = first.baton
            _ = try Self.result(0, of: first)
            var observation = try Self.observation(try Self.result(1, of: first).rows)
            await hold()
            let second = try await pipeline([.execute(Dialect.observation), .execute("COMMIT"), .close], baton: baton)
            let again = try Self.observation(try Self.result(0, of: second).rows)
            observation.isRepeatable = Set(again.tallies) == Set(observation.tallies) && again.total == observation.total
            return .observed(observation)
        } catch {
            await abandon(baton)
            return Outcome(error)
        }
    }

    private static func observation(_ rows: [[PipelineReply.Value]]?) throws(CallFailure) -> Observation {
        guard let rows else { throw .lost("an answer without rows") }
        var observation = Observation(tallies: [], total: 0)
        for row in rows {
            let cells = row.map { $0.text ?? "0" }
            guard cells.count == 4, let client = Int(cells[1]), let last = Int64(cells[2]), let count = Int(cells[3])
            else { throw .lost("an answer that makes no sense: \(cells)") }
            if let ledger = Ledger(rawValue: cells[0]) {
                observation.tallies.append(.init(ledger: ledger, client: client, last: Int(last), count: count))
            } else {
                observation.total = last
            }
        }
        return observation
    }

    /// Rolls back what is open, so that others need not wait until it expires. Nothing rests on it.
    private func abandon(_ baton: String?) async {
        guard let baton else { return }
        _ = try? await pipeline([.close], baton: baton)
    }

    private static func balance(_ index: Int, of reply: PipelineReply) throws(CallFailure) -> Int64 {
        guard let value = try result(index, of: reply).rows?.first?.first?.text.flatMap({ Int64($0) }) else {
            throw .lost("no balance")
        }
        return value
    }
}

extension Write {
    fileprivate var arguments: [HranaRequest.Argument] { [.integer(Int64(client)), .integer(Int64(number)), .text(token)] }
}
