import CoreMetrics
import Engines
import FleetModel
import Hrana

extension OpenDatabase {
    func execute(
        _ statement: HranaStatement, on stream: HranaStream, _ request: RequestUnderWay
    ) async throws(SQLError) -> SQLResult {
        try request.throwIfInterrupted()
        let statement = try statement.resolved { stream.storedSQL[$0] }
        if let result = try await executeBesideWriter(statement, on: stream, request) {
            request.answeredBytes += result.rowBlock.byteCount
            return result
        }
        let writes: Bool
        do throws(SQLError) {
            let connection = try connection(for: stream)
            writes = try watched(request) { () throws(SQLError) in try connection.needsWriteTurn(statement.sql) }
        } catch {
            request.sawSchema = true
            settle(stream)
            throw error
        }
        let result: SQLResult
        if mustTakeTurn(stream, writes: writes) {
            result = try await perform(on: stream, writes: writes, request) { connection, limits throws(SQLError) in
                try connection.execute(statement, limits: limits)
            }
        } else {
            result = try performNow(on: stream, request) { connection, limits throws(SQLError) in
                try connection.execute(statement, limits: limits)
            }
        }
        request.answeredBytes += result.rowBlock.byteCount
        return result
    }

    /// A failing step does not stop the later ones; their conditions decide.
    func run(_ batch: Batch, on stream: HranaStream, _ request: RequestUnderWay) async -> BatchResult {
        var outcomes: [StepOutcome] = []
        var results: [StepResult] = []
        outcomes.reserveCapacity(batch.steps.count)
        results.reserveCapacity(batch.steps.count)
        for step in batch.steps {
            let result: StepResult
            if let condition = step.condition,
                !condition.holds(after: outcomes, isAutocommit: !stream.hasOpenTransaction)
            {
                result = .skipped
            } else {
                do throws(SQLError) {
                    result = .succeeded(try await execute(step.statement, on: stream, request))
                } catch {
                    result = .failed(error)
                }
            }
            outcomes.append(result.outcome)
            results.append(result)
        }
        return BatchResult(steps: results)
    }

    func runScript(_ sql: String, on stream: HranaStream, _ request: RequestUnderWay) async throws(SQLError) {
        // What a statement does shows when the ones before it have run: up to the first that writes, nobody is held up.
        var position = ScriptPosition.start
        var writes = false
        while true {
            let mayWrite = writes || turn.owner == stream.id || stream.access.isReadOnly
            let next = try await perform(on: stream, writes: writes, request) { connection, limits throws(SQLError) in
                try connection.executeScript(sql, from: position, mayWrite: mayWrite, limits: limits)
            }
            guard let next else { return }
            invariant(!mayWrite, "a script that may write stops at its end only")
            (position, writes) = (next, true)
        }
    }

    func describe(
        _ sql: String, on stream: HranaStream, _ request: RequestUnderWay
    ) throws(SQLError) -> SQLDescription {
        request.touchedData = true
        defer { settle(stream) }
        let connection = try connection(for: stream)
        return try watched(request) { () throws(SQLError) in try connection.describe(sql) }
    }

    /// Has an engine do something that may take long, or end the host: carrying out as well as compiling.
    ///
    /// - Parameter request: whose it is; `nil` for what is several requests'.
    func watched<Value>(_ request: RequestUnderWay?, _ body: () throws(SQLError) -> Value) throws(SQLError) -> Value {
        let work = host.watch.began(
            opening.database, calls: request.map { [$0.id] } ?? [], deadline: host.now + host.settings.statementTimeout, for: request?.end)
        defer { host.watch.ended(work) }
        return try body()
    }

    func store(_ sql: String, as id: Int32, on stream: HranaStream) throws(SQLError) {
        try SQLStore.check(sql, replaces: stream.storedSQL[id] != nil, among: stream.storedSQL.count)
        stream.storedSQL[id] = sql
    }

    /// Runs `body` with everything around it that safety asks for: access, the turn to write, the first gate, the ship
    /// lag, and the record of what may have been committed.
    func perform<Value>(
        on stream: HranaStream, writes: Bool, _ request: RequestUnderWay,
        _ body: (any EngineConnection, StatementLimits) throws(SQLError) -> Value
    ) async throws(SQLError) -> Value {
        // The whole request is going to be carried out elsewhere: nothing more of it here.
        try request.throwIfInterrupted()
        if mustTakeTurn(stream, writes: writes) {
            do throws(SQLError) { try await takeTurn(stream, request) } catch {
                settle(stream)
                throw error
            }
        }
        return try performNow(on: stream, request, body)
    }

    /// Whoever may only read gets no turn: the engine refuses every change, however it hides.
    private func mustTakeTurn(_ stream: HranaStream, writes: Bool) -> Bool {
        writes && !stream.access.isReadOnly && turn.owner != stream.id
    }

    /// The part of ``perform(on:writes:_:_:)`` that waits for nobody.
    private func performNow<Value>(
        on stream: HranaStream, _ request: RequestUnderWay,
        _ body: (any EngineConnection, StatementLimits) throws(SQLError) -> Value
    ) throws(SQLError) -> Value {
        let connection: any EngineConnection
        let ownsTurn = turn.owner == stream.id
        do throws(SQLError) {
            if ownsTurn { try checkFirstGate(request) }
            connection = try self.connection(for: stream)
        } catch {
            settle(stream)
            throw error
        }
        let isFirst = !request.touchedData
        request.touchedData = true
        host.metrics.statements.increment()
        let limits = StatementLimits(
            deadline: min(host.now + host.settings.statementTimeout, request.end.deadline),
            maximumResponseBytes: max(0, host.settings.responseBytes - request.answeredBytes),
            isReadOnly: stream.access.isReadOnly)
        let work = host.watch.began(opening.database, calls: [request.id], deadline: limits.deadline, for: request.end)
        defer {
            host.watch.ended(work)
            settle(stream)
        }
        func run() throws(SQLError) -> Value {
            let (mark, wasOpen) = (isFirst ? commitMark : 0, !connection.isAutocommit)
            do throws(SQLError) {
                return try request.end.interruptible(connection.interruptHandle) { () throws(SQLError) in try body(connection, limits) }
            } catch {
                let didNothing = isFirst && commitMark == mark && !connection.isAutocommit == wasOpen
                noteRefusal(error, of: request, didNothing: didNothing)
                throw error
            }
        }
        guard ownsTurn else { return try noticingCommits(request, run) }
        defer {
            // Nothing was begun of what was refused whole.
            if connection.isAutocommit && request.interruption == nil {
                // Also after an error: INSERT OR FAIL keeps the rows before the failing one.
                request.mayHaveCommitted = true
                noteCommit()
            }
        }
        return try run()
    }

    /// A statement failed, perhaps for want of room.
    ///
    /// - Parameter didNothing: nothing of its request was carried out, so that the whole request can be refused.
    private func noteRefusal(_ error: SQLError, of request: RequestUnderWay, didNothing: Bool) {
        if error.isNodeDiskFull {
            host.metrics.refusedByDisk.increment()
            guard didNothing else { return }
            request.touchedData = false
            request.interruption = BerthError(.nodeDiskFull, error.message)
        } else if error.isForWantOfRoom {
            host.metrics.refusedBySize.increment()
            // When all that is written is refused, nothing is committed that would have the log cut and emptied.
            owner.wantsCut()
        }
    }

    /// Runs what was taken for a read. What commits all the same (a sequence behind a view) is acknowledged and shipped like
    /// every other write.
    func noticingCommits<Value>(
        _ request: RequestUnderWay, _ body: () throws(SQLError) -> Value
    ) throws(SQLError) -> Value {
        let before = commitMark
        defer {
            if commitMark != before {
                request.mayHaveCommitted = true
                noteCommit()
            }
        }
        return try body()
    }

    private func takeTurn(_ stream: HranaStream, _ request: RequestUnderWay) async throws(SQLError) {
        if turn.owner != stream.id {
            if mustLetCutIn {
                settle(stream)
                await letCutIn()
                if stream.isClosed { throw closedMeanwhile(request) }
            }
            if let wait = request.writesWait {
                host.metrics.pushedBack.increment()
                RareBranch.writePushedBack.marked()
                if !request.touchedData { request.interruption = wait }
                throw SQLError(code: wait.code.rawValue.uppercased(), message: wait.message)
            }
        }
        if turn.take(stream.id) { return }
        // Whoever waits outside a transaction needs no connection meanwhile.
        settle(stream)
        let deadline = host.clock.now() + host.settings.writeTurnTimeout
        host.attention.insert(self)
        let id = stream.id
        let grant = await withTaskCancellationHandler {
            await withCheckedContinuation { turn.wait(WriteTurn.Waiter(stream: id, deadline: deadline, continuation: $0)) }
        } onCancel: {
            // Nobody is there any more to go on with the transaction, or to end it: others would wait for both in vain.
            Task { await self.withdraw(id) }
        }
        switch grant {
        case .granted where Task.isCancelled:
            endTurn(of: stream)
            throw Self.clientLeft
        case .granted:
            guard stream.isClosed else { return }
            endTurn(of: stream)
            throw closedMeanwhile(request)
        case .timedOut:
            throw SQLError(
                code: "TRANSACTION_BUSY",
                message: "Another transaction has been writing for longer than this one could wait. Try again.")
        case .withdrawn:
            throw Self.clientLeft
        case .refused:
            if !request.touchedData { request.interruption = isDraining ? notLeader : notServing }
            throw SQLError(code: "TRANSACTION_BUSY", message: "The database is being moved. Try again.")
        }
    }

    func closedMeanwhile(_ request: RequestUnderWay) -> SQLError {
        if !request.touchedData { request.interruption = notServing }
        return SQLError(code: "STREAM_EXPIRED", message: "The stream was closed while this statement waited. Try again.")
    }

    private func withdraw(_ stream: UInt64) { turn.withdraw(stream) }

    private func checkFirstGate(_ request: RequestUnderWay) throws(SQLError) {
        guard !isServing else { return }
        if !request.touchedData { request.interruption = notServing }
        throw SQLError(code: "STREAM_EXPIRED", message: "This node does not lead the database any more. Try again.")
    }

    private static let clientLeft = SQLError(code: "STREAM_EXPIRED", message: "The client left while this statement waited.")
}
