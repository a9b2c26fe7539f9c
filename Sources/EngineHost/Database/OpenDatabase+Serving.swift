import Engines
import FleetModel
import Hrana

extension OpenDatabase {
    nonisolated func serve(_ call: HostCall) async -> HostAnswer {
        let parsed: ParsedCall
        do throws(BerthError) { parsed = try ParsedCall(call, engine: engine) } catch { return HostAnswer(.failure(error), .nothing) }
        let end = RequestEnd(
            deadline: parsed.isCursor ? BootInstant(nanoseconds: .max) : host.now + host.settings.requestTimeout, clock: host.clock)
        return await withTaskCancellationHandler { await carryOut(parsed, end) } onCancel: {
            end.stop()
            reads?.withdraw(end)
        }
    }

    private nonisolated func carryOut(_ parsed: ParsedCall, _ end: RequestEnd) async -> HostAnswer {
        if let answer = await answerBesideWriter(parsed, end) { return answer }
        if let shareable = parsed.shareable, let (results, basis) = await answerInGroup(shareable, parsed, end) {
            return HostAnswer(.success(reply(CallAnswer(results, of: parsed))), basis)
        }
        let served = await serve(parsed, end)
        // Its bytes are written where nobody waits for the lane.
        var answer = HostAnswer(served.answer.map { reply($0) }, served.basis, stream: served.stream, cursor: served.cursor)
        answer.mayBeMadeAgain = served.wasClosed
        return answer
    }

    nonisolated func reply(_ answer: CallAnswer) -> HostReply { answer.reply(limit: ResponseLimit(maximumBytes: host.settings.responseBytes)) }

    private func serve(
        _ call: ParsedCall, _ end: RequestEnd
    ) async -> (answer: Result<CallAnswer, BerthError>, basis: Basis, stream: UInt64?, cursor: UInt64?, wasClosed: Bool) {
        if case .versionCheck = call.body { return (.success(.reply(HostReply(body: []))), .nothing, nil, nil, false) }
        if case .closed(let reason) = state { return (.failure(reason), .nothing, nil, nil, true) }
        guard isServing else { return (.failure(notServing), .nothing, nil, nil, false) }
        let request = RequestUnderWay(call, end)
        requestsUnderWay += 1
        let answer: Result<CallAnswer, BerthError>
        do throws(BerthError) { answer = .success(try await self.answer(call, request)) } catch { answer = .failure(error) }
        let basis = request.basis(upTo: request.cursor?.seenCommit ?? commits.last)
        if let cursor = request.cursor, cursor.isRunning {
            cursor.isCounted = true
            handOut(cursor)
            return (answer, basis, request.stream?.id, cursor.id, false)
        }
        endRequest()
        return (answer, basis, request.stream?.id, request.cursor.flatMap { cursors[$0.id] == nil ? nil : $0.id }, false)
    }

    func endRequest() {
        invariant(requestsUnderWay > 0, "more requests ended than began")
        requestsUnderWay -= 1
        if isDraining {
            endOpenTransactions()
            resumeQuietWaitersIfQuiet()
        }
    }

    private func answer(_ call: ParsedCall, _ request: RequestUnderWay) async throws(BerthError) -> CallAnswer {
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
            return .reply(HostReply(body: []))
        }
    }

    /// An error of a stateless call is an answer of its own; one that says “not here” goes to the router.
    func sqlFailure(_ error: SQLError, _ request: RequestUnderWay) throws(BerthError) -> CallAnswer {
        if let interruption = request.interruption { throw interruption }
        return .reply(HostReply(status: 400, body: ResponseBody.error(error)))
    }

    private func pipeline(
        _ body: PipelineRequest, _ access: AccessRights, _ request: RequestUnderWay
    ) async throws(BerthError) -> CallAnswer {
        guard let stream = try stream(body.baton, access) else { return .reply(streamExpired(body.baton)) }
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

    static var streamExpired: HostReply {
        HostReply(
            status: 404,
            body: ResponseBody.error(
                code: "STREAM_EXPIRED",
                message: "This stream is over: it was idle too long, its transaction was rolled back, or the database moved. "
                    + "Begin again with no baton."))
    }

    nonisolated var notLeader: BerthError {
        BerthError(.notLeader, "This node does not lead “\(opening.name)” any more; its new leader does.")
    }

    /// Why a request that executed nothing cannot go on here.
    var notServing: BerthError {
        if case .closed(let reason) = state { return reason }
        return gateIsClosed
    }

    nonisolated var gateIsClosed: BerthError {
        RareBranch.gateClosed.marked()
        return BerthError(
            .leaderUnavailable,
            "This node cannot confirm its lease on “\(opening.name)”: the lease store does not answer. Nothing was executed.")
    }
}
