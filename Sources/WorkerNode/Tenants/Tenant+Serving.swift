import Engines
import FleetModel
import FleetStore
import Hrana
import Leases
import Routing
import Synchronization

extension Tenant {
    /// Carries out one call of the data protocol.
    ///
    /// - Throws: `not_leader`, `leader_unavailable`: nothing was executed. `outcome_unknown`: it may have been.
    nonisolated func serve(_ call: DataCall) async throws(BerthError) -> DataReply {
        do throws(BerthError) { return try await carryOut(call) } catch { throw error.hidingDirectory(environment.directory) }
    }

    private nonisolated func carryOut(_ call: DataCall) async throws(BerthError) -> DataReply {
        let call = try ParsedCall(call, engine: try? engine.get())
        let answer: TenantAnswer
        if let shareable = call.shareable, let results = try await answerInGroup(shareable, call.access) {
            answer = TenantAnswer(results, of: call)
        } else {
            answer = try await serve(call)
        }
        return answer.reply(limit: environment.settings.responseLimit)
    }

    private func serve(_ call: ParsedCall) async throws(BerthError) -> TenantAnswer {
        lastUse.store(environment.clock.now().wholeNanoseconds, ordering: .relaxed)
        if case .versionCheck = call.body { return .reply(DataReply(body: [])) }
        try await open()
        guard environment.gate.isOpen else { throw gateClosed }

        let request = RequestUnderWay(epoch: epoch, life: life)
        requestsUnderWay += 1
        let reply: Result<TenantAnswer, BerthError>
        do throws(BerthError) {
            reply = .success(try await answer(call, request))
        } catch {
            reply = .failure(error)
        }
        do throws(BerthError) {
            try await confirm(request)
        } catch {
            // Its baton is not going to arrive, so nobody could end its transaction.
            if let stream = request.stream { close(stream) }
            if let cursor = request.cursor { cursors[cursor.id] = nil }
            endRequest()
            throw error
        }
        if let cursor = request.cursor, cursor.isRunning {
            cursor.isCounted = true
            handOut(cursor)
        } else {
            endRequest()
        }
        return try reply.get()
    }

    func endRequest() {
        invariant(requestsUnderWay > 0, "more requests ended than began")
        requestsUnderWay -= 1
        if isDraining {
            endOpenTransactions()
            resumeQuietWaitersIfQuiet()
        }
    }

    /// The last word before an acknowledgement: durability, then the second gate of rule 2.
    private func confirm(_ request: RequestUnderWay) async throws(BerthError) {
        guard request.touchedData || request.sawSchema else { return }
        try await confirm(request, upTo: lastCommit)
    }

    /// - Parameter commit: the last one the answer may show.
    func confirm(_ request: RequestUnderWay, upTo commit: UInt64) async throws(BerthError) {
        // Reads too: an answer must not show what a failover could still take back.
        if waitsForBucket(commit) {
            let deadline = environment.clock.now() + environment.settings.publishTimeout
            environment.attention.insert(self)
            let isPublished = await withCheckedContinuation {
                publishWaiters.wait(for: commit, deadline: deadline, $0)
            }
            if !isPublished { throw unconfirmed(request) }
            invariant(!waitsForBucket(commit), "an acknowledgement went ahead of the bucket")
        }
        guard isServing(request) else { throw unconfirmed(request) }
    }

    /// - Parameter commit: the last one an answer may show.
    func waitsForBucket(_ commit: UInt64) -> Bool { record.durability == .bucket && commit > publishedCommit }

    func unconfirmed(_ request: RequestUnderWay) -> BerthError {
        guard request.mayHaveCommitted else {
            return BerthError(
                .leaderUnavailable, "This node lost “\(record.name)” while it answered. Nothing was changed; try again.")
        }
        RareBranch.outcomeUnknown.marked()
        return BerthError(
            .outcomeUnknown,
            "This node could not confirm the write to “\(record.name)”: it may or may not have been kept. Read before "
                + "writing again, or make the write repeatable.")
    }

    private func answer(_ call: ParsedCall, _ request: RequestUnderWay) async throws(BerthError) -> TenantAnswer {
        let access = call.access
        switch call.body {
        case .execute(let body):
            let stream = try newStream(access, isKept: false)
            defer { close(stream) }
            do throws(SQLError) {
                return .execute(try await execute(try body.statement.get(), on: stream, request))
            } catch {
                return try sqlFailure(error, request)
            }
        case .batch(let body):
            let stream = try newStream(access, isKept: false)
            defer { close(stream) }
            do throws(SQLError) {
                let result = await run(try body.batch.get(), on: stream, request)
                try request.throwIfInterrupted()
                return .batch(result)
            } catch {
                return try sqlFailure(error, request)
            }
        case .pipeline(let body):
            return try await pipeline(body, access, request)
        case .cursor(let body):
            return .reply(try await cursor(body, access, request))
        case .load(let options, let rows):
            return try await load(rows, into: options.table, access, request)
        case .versionCheck:
            return .reply(DataReply(body: []))
        }
    }

    /// An error of a stateless call is an answer of its own; one that says “not here” goes to the router.
    func sqlFailure(_ error: SQLError, _ request: RequestUnderWay) throws(BerthError) -> TenantAnswer {
        if let interruption = request.interruption { throw interruption }
        return .reply(DataReply(status: 400, body: ResponseBody.error(error)))
    }

    private func pipeline(
        _ body: PipelineRequest, _ access: AccessRights, _ request: RequestUnderWay
    ) async throws(BerthError) -> TenantAnswer {
        guard let stream = try stream(body.baton, access) else { return .reply(Self.streamExpired) }
        stream.isBusy = true
        request.stream = stream
        var isClosed = false
        var results: [Result<StreamResponse, SQLError>] = []
        results.reserveCapacity(body.requests.count)
        for item in body.requests {
            invariant(!isClosed, "nothing comes after close: such a request is not decoded")
            let result: Result<StreamResponse, SQLError>
            do throws(SQLError) {
                result = .success(try await respond(to: item, on: stream, request))
            } catch {
                result = .failure(error)
            }
            if case .success(.close) = result { isClosed = true }
            results.append(result)
        }
        if let interruption = request.interruption {
            undo(stream, isNew: body.baton == nil)
            throw interruption
        }
        let baton = finish(stream, isClosed: isClosed)
        return .pipeline(PipelineResponse(baton: baton, baseURL: nil, results: results))
    }

    private func respond(
        to item: StreamRequest, on stream: HranaStream, _ request: RequestUnderWay
    ) async throws(SQLError) -> StreamResponse {
        switch item {
        case .execute(let statement):
            return .execute(try await execute(statement, on: stream, request))
        case .batch(let batch):
            return .batch(await run(batch, on: stream, request))
        case .sequence(let text):
            try await runScript(try text.resolved { stream.storedSQL[$0] }, on: stream, request)
            return .sequence
        case .describe(let text):
            return .describe(try describe(try text.resolved { stream.storedSQL[$0] }, on: stream, request))
        case .storeSQL(let id, let sql):
            try store(sql, as: id, on: stream)
            return .storeSQL
        case .closeSQL(let id):
            stream.storedSQL[id] = nil
            return .closeSQL
        case .getAutocommit:
            return .getAutocommit(!stream.hasOpenTransaction)
        case .close:
            return .close
        case .invalid(_, let error):
            throw error
        }
    }

    static var streamExpired: DataReply {
        DataReply(
            status: 404,
            body: ResponseBody.error(
                code: "STREAM_EXPIRED",
                message: "This stream is over: it was idle too long, its transaction was rolled back, or the database moved. "
                    + "Begin again with no baton."))
    }
}
