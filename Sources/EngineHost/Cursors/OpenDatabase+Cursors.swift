import Engines
import FleetModel
import Hrana

/// `POST /v3/cursor`: rows are made as the client takes them, so that a result larger than memory does not accumulate.
///
/// Statements that write run to their end at once, within the limit of every other answer. Each piece is confirmed before it is handed out, like
/// every other answer; one that cannot be confirmed any more ends with the entry `error`.
extension OpenDatabase {
    func cursor(
        _ body: CursorRequest, _ access: AccessRights, _ request: RequestUnderWay
    ) async throws(BerthError) -> HostReply {
        guard let stream = try stream(body.baton, access) else { return streamExpired(body.baton) }
        let batch: Batch
        do throws(SQLError) { batch = try body.batch.get() } catch {
            var writer = JSONWriter()
            writer.cursorOpening(baton: finish(stream, isClosed: false), baseURL: nil)
            writer.cursorError(error)
            return Self.reply(writer.bytes)
        }
        stream.isBusy = true
        request.stream = stream
        let run = CursorRun(nextCursorID, batch, on: stream, request)
        nextCursorID += 1
        stream.cursor = run
        request.cursor = run
        await advance(run)
        if let interruption = request.interruption {
            end(run, .complete)
            undo(stream, isNew: body.baton == nil)
            throw interruption
        }
        let lines = run.takeLines()
        var opening = JSONWriter()
        opening.cursorOpening(baton: stream.isClosed ? nil : nextBaton(of: stream), baseURL: nil)
        if case .complete = run.phase {
            if !stream.isClosed { waitForClient(stream) }
            return Self.reply(opening.bytes + lines)
        }
        cursors[run.id] = run
        return Self.reply(opening.bytes + lines)
    }

    private static func reply(_ body: [UInt8]) -> HostReply { HostReply(contentType: "application/x-ndjson", body: body) }

    func nextPiece(ofCursor id: UInt64) async -> CursorPiece? {
        guard let run = cursors[id] else { return nil }
        if run.isRunning {
            run.isAtWork = true
            await advance(run)
            handOut(run)
        }
        let basis = Basis(commit: run.seenCommit, showsData: true, mayHaveCommitted: run.request.mayHaveCommitted)
        switch run.phase {
        case .running: return CursorPiece(lines: run.takeLines(), basis: basis, isLast: false)
        case .complete:
            cursors[id] = nil
            return CursorPiece(lines: run.takeLines(), basis: basis, isLast: true)
        case .cutOff(let error):
            cursors[id] = nil
            // What was made and not handed out is not shown any more: this rests on nothing.
            _ = run.takeLines()
            run.writer.cursorError(error)
            return CursorPiece(lines: run.takeLines(), basis: .nothing, isLast: true)
        }
    }

    /// What was made may be taken; then it is the client's turn.
    func handOut(_ run: CursorRun) {
        run.isAtWork = false
        run.stream.lastUse = host.clock.now()
        // Cancelled in the meantime.
        if !run.isRunning { end(run, run.phase) } else { noteSnapshot(of: run.stream) }
        // The draining may have waited in vain meanwhile.
        if isDraining { endOpenTransactions() }
    }

    nonisolated func cancelCursor(_ cursor: UInt64) { Task { await self.cutOffCursor(cursor) } }

    func cutOffCursor(_ cursor: UInt64) {
        guard let run = cursors.removeValue(forKey: cursor) else { return }
        // One that is at work looks at its phase when it goes on.
        run.phase = .cutOff(Self.unread)
        if !run.isAtWork { end(run, run.phase) }
    }

    /// Ends an answer that is not at its end.
    func cutOff(_ run: CursorRun, because error: SQLError? = nil) {
        guard run.isRunning else { return }
        end(run, .cutOff(error ?? Self.unread))
    }

    private static var unread: SQLError {
        SQLError(
            code: "STREAM_EXPIRED",
            message: "The answer ends here: nobody read on for too long, the stream was used for something else, or the database "
                + "moved. Ask again, or for less at a time.")
    }

    private func end(_ run: CursorRun, _ phase: CursorRun.Phase) {
        run.phase = phase
        closeRows(of: run)
        guard run.stream.cursor === run else { return }
        run.stream.cursor = nil
        run.stream.isBusy = false
        run.stream.lastUse = host.clock.now()
        if !run.stream.isClosed {
            settle(run.stream)
            // A part of the answer was sent, with the baton: the client may come with it from now on.
            if run.isCounted { waitForClient(run.stream) }
        }
        guard run.isCounted else { return }
        run.isCounted = false
        endRequest()
    }

    private func closeRows(of run: CursorRun) {
        run.rows?.close()
        run.rows = nil
        guard let rows = run.readerRows else { return }
        run.readerRows = nil
        rows.close()
        reads?.countFiles()
    }

    // MARK: Making it

    /// Goes on until there is enough to hand out, or the end is reached.
    private func advance(_ run: CursorRun) async {
        let pieceBytes = host.settings.cursorPieceBytes
        while run.isRunning, run.writer.count < pieceBytes {
            if let rows = run.rows {
                writeRows(rows, of: run, atMost: pieceBytes - run.writer.count)
            } else if let rows = run.readerRows {
                await writeRows(rows, of: run, atMost: pieceBytes - run.writer.count)
            } else if run.outcomes.count < run.batch.steps.count {
                run.outcomes.append(await beginStep(run.batch.steps[run.outcomes.count], of: run))
            } else {
                if host.settings.cursorEndLine { run.writer.cursorEnd() }
                run.phase = .complete
            }
        }
        if !run.isRunning { end(run, run.phase) }
    }

    /// - Returns: how the step went, as far as it has: rows that cannot be read to their end make it fail later.
    private func beginStep(_ step: Batch.Step, of run: CursorRun) async -> StepOutcome {
        let stream = run.stream, number = run.outcomes.count
        if let condition = step.condition, !condition.holds(after: run.outcomes, isAutocommit: !stream.hasOpenTransaction) {
            return .skipped
        }
        do throws(SQLError) {
            let statement = try step.statement.resolved { stream.storedSQL[$0] }
            if let begun = try await beginBesideWriter(statement, on: stream, run.request) {
                guard run.isRunning else {
                    begun.rows.close()
                    return .failed
                }
                run.readerRows = begun.rows
                run.seenCommit = begun.commit
                run.writer.cursorStepBegin(step: number, columns: begun.rows.columns)
            } else if try isQuery(statement, on: stream, run.request) {
                try await perform(on: stream, writes: false, run.request) { connection, limits throws(SQLError) in
                    run.rows = try connection.cursor(statement, readOnly: limits.isReadOnly, deadline: limits.deadline)
                }
                run.seenCommit = commits.last
                run.writer.cursorStepBegin(step: number, columns: run.rows?.columns ?? [])
            } else {
                let result = try await execute(step.statement, on: stream, run.request)
                run.seenCommit = commits.last
                run.writer.cursorStepBegin(step: number, columns: result.columns)
                run.writer.cursorRows(result.rowBlock)
                run.writer.cursorStepEnd(affectedRows: result.affectedRows, lastInsertRowID: result.lastInsertRowID)
            }
            return .succeeded
        } catch {
            // An error, too, can tell what others committed.
            run.seenCommit = commits.last
            run.writer.cursorStepError(step: number, error)
            return .failed
        }
    }

    /// Whether the statement does nothing but answer rows.
    private func isQuery(
        _ statement: SQLStatement, on stream: HranaStream, _ request: RequestUnderWay
    ) throws(SQLError) -> Bool {
        guard statement.wantsRows else { return false }
        do throws(SQLError) {
            let connection = try connection(for: stream)
            defer { settle(stream) }
            let found = try watched(request) { () throws(SQLError) in
                try connection.needsWriteTurn(statement.sql) ? nil : try connection.describe(statement.sql)
            }
            guard let description = found else { return false }
            return description.isReadOnly && !description.isExplain && !description.columns.isEmpty
        } catch {
            request.sawSchema = true
            settle(stream)
            throw error
        }
    }

    private func writeRows(_ rows: any EngineCursor, of run: CursorRun, atMost bytes: Int) {
        do throws(SQLError) {
            let deadline = host.now + host.settings.statementTimeout
            let work = host.watch.began(self.opening.database, calls: [run.request.id], deadline: deadline, for: run.request.end)
            defer { host.watch.ended(work) }
            let interrupt: @Sendable () -> Void = if let connection = run.stream.connection { connection.interruptHandle } else { {} }
            func next() throws(SQLError) -> RowBlock {
                try run.request.end.interruptible(interrupt) { () throws(SQLError) -> RowBlock in
                    try rows.next(atMost: bytes, deadline: deadline)
                }
            }
            let batch = try noticingCommits(run.request, next)
            run.seenCommit = run.request.mayHaveCommitted ? commits.last : run.seenCommit
            run.writer.cursorRows(batch)
            guard batch.isEmpty else { return }
            let outcome = rows.outcome
            run.writer.cursorStepEnd(affectedRows: outcome.affectedRows, lastInsertRowID: outcome.lastInsertRowID)
        } catch {
            run.outcomes[run.outcomes.count - 1] = .failed
            run.writer.cursorStepError(step: run.outcomes.count - 1, error)
        }
        closeRows(of: run)
        settle(run.stream)
    }

    private func writeRows(_ rows: ReaderCursor, of run: CursorRun, atMost bytes: Int) async {
        do throws(SQLError) {
            let (batch, outcome) = try await next(of: rows, atMost: bytes, run.request)
            // Ended meanwhile, and closed.
            guard run.isRunning, run.readerRows === rows else { return }
            run.writer.cursorRows(batch)
            guard batch.isEmpty else { return }
            run.writer.cursorStepEnd(affectedRows: outcome.affectedRows, lastInsertRowID: outcome.lastInsertRowID)
        } catch {
            guard run.isRunning, run.readerRows === rows else { return }
            run.outcomes[run.outcomes.count - 1] = .failed
            run.writer.cursorStepError(step: run.outcomes.count - 1, error)
        }
        closeRows(of: run)
        settle(run.stream)
    }
}
