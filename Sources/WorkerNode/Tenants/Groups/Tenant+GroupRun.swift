import CoreMetrics
import Engines
import FleetModel
import Hrana

extension Tenant {
    /// Carries members out in one transaction, one after the other, until the group has had its time.
    ///
    /// Nothing is awaited in here, so nobody else writes meanwhile and the turn need not be taken.
    /// - Returns: how many were carried out, or are to be by themselves: at least one. The others have not begun.
    func carryOut(_ members: [GroupMember], on database: any EngineDatabase) -> Int {
        guard let connection = try? database.takeConnection() else {
            for member in members { member.standAlone() }
            return members.count
        }
        // Rolls back what is open.
        defer { database.giveBack(connection) }
        let mark = database.commitMark
        let end = environment.clock.now() + environment.settings.groupTime
        var count = 0
        do throws(SQLError) {
            try connection.control("BEGIN")
            var statements = 0
            var limit = environment.settings.groupReads
            while count < members.count, count == 0 || statements < limit && environment.clock.now() < end {
                let member = members[count]
                member.isFirst = count == 0
                count += 1
                try carryOut(member, on: connection)
                statements += member.statements
                if member.firstWrite != nil { limit = environment.settings.groupStatements }
            }
        } catch {
            groupsWithSavepoints = Self.groupsWithSavepointsAfterError
            // The transaction is gone, or of no more use, and with it what everybody did.
            for member in members[..<max(count, 1)] { member.standAlone() }
            return max(count, 1)
        }
        groupsWithSavepoints = max(0, groupsWithSavepoints - 1)
        commit(members[..<count], on: connection)
        // What commits although it was taken for a read is acknowledged and shipped like every other write.
        settle(members[..<count], hasCommitted: database.commitMark != mark)
        return count
    }

    /// - Throws: when nothing of the transaction can be kept.
    private func carryOut(_ member: GroupMember, on connection: any EngineConnection) throws(SQLError) {
        var isKept = true
        let requests = member.call.requests
        member.results.reserveCapacity(requests.count)
        // By their places: a loop over the requests themselves would copy each of them.
        for index in requests.indices {
            guard let result = carryOut(requests[index], of: member, on: connection) else {
                isKept = false
                break
            }
            member.results.append(result)
        }
        // A step that was skipped may have been the one that ends it.
        if member.isInTransaction { isKept = false }
        // Some errors roll the whole transaction back.
        if connection.isAutocommit { throw Self.transactionGone }
        if !isKept {
            if member.firstWrite != nil {
                guard member.hasSavepoint else { throw Self.transactionGone }
                try connection.control("ROLLBACK TO \(Self.savepoint)")
            }
            member.standAlone()
        }
        if member.hasSavepoint { try connection.control("RELEASE \(Self.savepoint)") }
    }

    /// - Returns: `nil` when the member has to be carried out by itself.
    private func carryOut(
        _ request: StreamRequest, of member: GroupMember, on connection: any EngineConnection
    ) -> Result<StreamResponse, SQLError>? {
        switch request {
        case .execute(let statement):
            return carryOut(statement, of: member, on: connection).map { .success(.execute($0)) }
        case .batch(let batch):
            var results: [StepResult] = []
            results.reserveCapacity(batch.steps.count)
            var outcomes: [StepOutcome] = []
            for step in batch.steps {
                if let condition = step.condition, !condition.holds(after: outcomes, isAutocommit: !member.isInTransaction) {
                    results.append(.skipped)
                } else if let result = carryOut(step.statement, of: member, on: connection) {
                    results.append(.succeeded(result))
                } else {
                    return nil
                }
                outcomes.append(results[results.count - 1].outcome)
            }
            return .success(.batch(BatchResult(steps: results)))
        case .getAutocommit: return .success(.getAutocommit(!member.isInTransaction))
        case .close: return .success(.close)
        case .invalid(_, let error): return .failure(error)
        case .sequence, .describe, .storeSQL, .closeSQL: return nil
        }
    }

    private func carryOut(
        _ statement: HranaStatement, of member: GroupMember, on connection: any EngineConnection
    ) -> SQLResult? {
        guard case .inline(let sql) = statement.text else { return nil }
        do throws(SQLError) {
            if try connection.needsWriteTurn(sql) {
                // Whoever may not write now is told why, or waits, by itself.
                guard mayWrite(member) else { return nil }
                if member.firstWrite == nil {
                    if groupsWithSavepoints > 0 {
                        try connection.control("SAVEPOINT \(Self.savepoint)")
                        member.hasSavepoint = true
                    }
                    member.firstWrite = member.results.count
                }
            }
            if member.statements % Self.statementsPerDeadline == 0 { member.limits = limits(in: member) }
            member.statements += 1
            if member.call.hasTransactions, let role = try? engine.get().transactionRole(of: sql), role != .inside {
                return carryOut(role, statement, of: member)
            }
            return try connection.execute(
                SQLStatement(sql, arguments: statement.arguments, wantsRows: statement.wantsRows), limits: member.limits)
        } catch {
            return nil
        }
    }

    /// BEGIN and COMMIT of a member's own transaction, which was checked to be proper SQL. There is nothing to do: see ``GroupMember/isInTransaction``.
    private func carryOut(_ role: TransactionRole, _ statement: HranaStatement, of member: GroupMember) -> SQLResult? {
        guard role == (member.isInTransaction ? .commits : .begins), statement.arguments == .none else { return nil }
        member.isInTransaction.toggle()
        return SQLResult()
    }

    /// Rule 2, the first gate, and what else is asked of a write before it begins.
    private func mayWrite(_ member: GroupMember) -> Bool {
        guard !member.access.isReadOnly, turn.owner == nil, isServing(member.request) else { return false }
        return member.firstWrite != nil || shipLag(now: environment.clock.now()) <= environment.settings.maximumShipLag
    }

    private func commit(_ members: ArraySlice<GroupMember>, on connection: any EngineConnection) {
        do throws(SQLError) {
            try connection.control("COMMIT")
        } catch {
            let isUndone = !connection.isAutocommit
            for member in members where !member.standsAlone {
                if isUndone || member.firstWrite == nil {
                    // Whoever only read may have seen what was not kept. What is still open is rolled back: nothing was kept.
                    member.standAlone()
                } else {
                    member.fail(error)
                }
            }
        }
    }

    private func settle(_ members: ArraySlice<GroupMember>, hasCommitted: Bool) {
        let kept = members.filter { !$0.standsAlone }
        let hasWritten = kept.contains { $0.firstWrite != nil }
        for member in kept {
            if member.statements > 0 { member.request.touchedData = true }
            // A commit without anybody who said so is anybody's.
            if member.firstWrite != nil || hasCommitted && !hasWritten { member.request.mayHaveCommitted = true }
        }
        if hasWritten || hasCommitted { noteCommit() }
        environment.metrics.statements.increment(by: kept.reduce(0) { $0 + $1.statements })
    }

    private func limits(in member: GroupMember) -> StatementLimits {
        let timeout = environment.settings.statementTimeout
        return StatementLimits(
            deadline: .now + (member.isFirst ? timeout : min(environment.settings.groupTime, timeout)),
            maximumResponseBytes: min(environment.settings.groupResponseBytes, environment.settings.responseLimit.maximumBytes),
            isReadOnly: member.access.isReadOnly)
    }

    /// The clock is not read for each of many short ones.
    private static let statementsPerDeadline = 16
    /// A savepoint costs about as much as the statement in it. So there are none while nothing fails: the first error undoes its
    /// whole group, whose members are carried out by themselves, and the next groups have one for each member.
    static let groupsWithSavepointsAfterError = 1_000
    private static let savepoint = "\"berth: one request\""
    private static let transactionGone = SQLError(code: "STREAM_EXPIRED", message: "The transaction is gone.")
}

extension EngineConnection {
    /// Runs a statement of ours that begins or ends something. It takes no time, so it has no deadline.
    fileprivate func control(_ sql: String) throws(SQLError) {
        _ = try execute(SQLStatement(sql, wantsRows: false), limits: .unlimited)
    }
}
