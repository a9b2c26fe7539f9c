import CoreMetrics
import Engines
import FleetModel
import Hrana

extension OpenDatabase {
    /// Carries members out in one transaction, one after the other, until the group has had its time.
    ///
    /// Nothing is awaited in here, so nobody else writes meanwhile and the turn need not be taken.
    /// - Returns: how many were carried out, or are to be by themselves: at least one. The others have not begun.
    func carryOut(_ members: [GroupMember], on database: any EngineDatabase) -> Int {
        guard takeFilesOfConnection(to: database), let connection = try? database.takeConnection() else {
            countFiles(of: database)
            for member in members { member.standAlone() }
            return members.count
        }
        // Rolls back what is open.
        defer {
            database.giveBack(connection)
            countFiles(of: database)
        }
        let mark = database.commitMark
        let end = host.clock.now() + host.settings.groupTime
        var count = 0
        do throws(SQLError) {
            try watched(nil) { () throws(SQLError) in try connection.control("BEGIN") }
            var statements = 0
            var limit = host.settings.groupReads
            while count < members.count, count == 0 || statements < limit && host.clock.now() < end {
                let member = members[count]
                member.isFirst = count == 0
                count += 1
                // Should the host not survive it, it is known for whom that was, and whose turn had not come.
                try watched(member.request) { () throws(SQLError) in try carryOut(member, on: connection) }
                statements += member.statements
                if member.firstWrite != nil { limit = host.settings.groupStatements }
            }
        } catch {
            groupsWithSavepoints = Self.groupsWithSavepointsAfterError
            let isKept = database.commitMark != mark
            // The transaction is gone, or of no more use, and with it what everybody did: unless something in it has committed. That
            // must not be carried out once more.
            for member in members[..<max(count, 1)] {
                if isKept && member.firstWrite != nil { member.fail(Self.committedInside) } else { member.standAlone() }
            }
            if isKept { settle(members[..<max(count, 1)], hasCommitted: true) }
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
        connection.counters = SessionCounters()
        member.answer.results.reserveCapacity(member.call.statementCount)
        for statement in member.call.statements where isKept { isKept = carryOut(statement, of: member, on: connection) }
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

    /// - Returns: `false` when the member has to be carried out by itself.
    private func carryOut(_ statement: RepeatedStatement, of member: GroupMember, on connection: any EngineConnection) -> Bool {
        do throws(SQLError) {
            if try connection.needsWriteTurn(statement.sql) {
                // Whoever may not write now is told why, or waits, by itself.
                guard mayWrite(member) else { return false }
                if member.firstWrite == nil {
                    if groupsWithSavepoints > 0 {
                        try connection.control("SAVEPOINT \(Self.savepoint)")
                        member.hasSavepoint = true
                    }
                    member.firstWrite = member.answer.results.count
                }
            }
            member.statements += max(1, statement.arguments.count)
            let settings = host.settings
            let timeout = settings.statementTimeout
            let bytes = min(settings.groupResponseBytes, settings.responseBytes) - member.request.answeredBytes
            let limits = StatementLimits(maximumResponseBytes: max(0, bytes), isReadOnly: member.access.isReadOnly)
            let first = member.answer.results.count
            let end = member.request.end
            try end.interruptible(connection.interruptHandle) { () throws(SQLError) in
                try connection.execute(
                    statement, timeout: min(member.isFirst ? timeout : min(settings.groupTime, timeout), end.deadline - host.now), limits: limits,
                    into: &member.answer.results)
            }
            for result in member.answer.results[first...] { member.request.answeredBytes += result.rowBlock.byteCount }
            return true
        } catch {
            return false
        }
    }

    /// Rule 2, the first gate, and what else is asked of a write before it begins.
    private func mayWrite(_ member: GroupMember) -> Bool {
        guard !member.access.isReadOnly, turn.owner == nil, host.isGateOpen() else { return false }
        return member.firstWrite != nil || member.request.writesWait == nil
    }

    private func commit(_ members: ArraySlice<GroupMember>, on connection: any EngineConnection) {
        do throws(SQLError) {
            try watched(nil) { () throws(SQLError) in try connection.control("COMMIT") }
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
        invariant(!hasWritten || turn.owner == nil, "a group wrote while a stream had the turn")
        if hasWritten || hasCommitted { noteCommit() }
        host.metrics.statements.increment(by: kept.reduce(0) { $0 + $1.statements })
    }

    /// A savepoint costs about as much as the statement in it. So there are none while nothing fails: the first error undoes its
    /// whole group, whose members are carried out by themselves, and the next groups have one for each member.
    static let groupsWithSavepointsAfterError = 1_000
    private static let savepoint = "\"berth: one request\""
    private static let committedInside = SQLError(
        code: BerthError.Code.outcomeUnknown.rawValue.uppercased(),
        message: "The statement ended the transaction it was carried out in: it may or may not have been kept. Read before writing again.")
    private static let transactionGone = SQLError(code: "STREAM_EXPIRED", message: "The transaction is gone.")
}

extension EngineConnection {
    /// Runs a statement of ours that begins or ends something. It takes no time, so it has no deadline.
    fileprivate func control(_ sql: String) throws(SQLError) {
        _ = try execute(SQLStatement(sql, wantsRows: false), limits: .unlimited)
    }
}
