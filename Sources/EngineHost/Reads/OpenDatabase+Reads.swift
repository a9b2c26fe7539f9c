import Engines
import FleetModel
import Hrana

/// Reads beside the writer.
///
/// A call that leaves nothing behind and only reads is carried out on a connection of its own, on a thread of its own: it waits for neither a write,
/// nor a cut, nor another read, and none of them for it. The engine keeps it from writing. One that wants to write after all has done nothing, and is carried out
/// as a write.
///
/// Its answer shows the state at its beginning, or a later one. Afterwards it is looked how far the files have come, so that what it rests on is
/// never less than it shows.
extension OpenDatabase {
    /// - Returns: `nil` when the writer has to carry the call out.
    nonisolated func answerBesideWriter(_ call: ParsedCall, _ end: RequestEnd) async -> HostAnswer? {
        guard let reads, let readable = call.readable else { return nil }
        return await withCheckedContinuation { continuation in
            let job = Reads.Job(end: end) { place in
                let answer = self.answer(call, readable, end, place)
                return { continuation.resume(returning: answer) }
            }
            if let entry = reads.enter(job, for: self) { continuation.resume(returning: self.refusal(entry)) }
        }
    }

    private nonisolated func answer(_ call: ParsedCall, _ readable: ReadableRequests, _ end: RequestEnd, _ place: Reads.Place) -> HostAnswer? {
        switch place {
        case .writer, .own: return nil
        case .withdrawn: return ended(call, end)
        case .reader(let reader):
            guard host.isGateOpen() else { return HostAnswer(.failure(gateIsClosed), .nothing) }
            do throws(SQLError) { try end.check() } catch { return ended(call, end) }
            var run = ReadRun(call.id, isReadOnly: readable.isReadOnly, end: end, of: self, on: reader)
            switch run.carryOut(readable) {
            case .isForWriter: return readsAreOver.map { Self.toBeMadeAgain($0) }
            case .answered(let results, let touchedData):
                if end.isStopped || !reader.isOpen, let reason = readsAreOver { return Self.toBeMadeAgain(reason) }
                // Afterwards: nothing that was committed later can have been shown.
                let basis = Basis(commit: commits.seen { reader.commitMark }, showsData: touchedData, mayHaveCommitted: false)
                return HostAnswer(.success(reply(CallAnswer(results, of: call))), basis)
            }
        }
    }

    /// Of a read that was not begun, or was ended.
    private nonisolated func ended(_ call: ParsedCall, _ end: RequestEnd) -> HostAnswer {
        if let reason = readsAreOver { return Self.toBeMadeAgain(reason) }
        do throws(SQLError) {
            try end.check()
            return Self.toBeMadeAgain(notLeader)
        } catch {
            return HostAnswer(.success(HostReply(status: 400, body: ResponseBody.error(error))), .nothing)
        }
    }

    /// Why a read that was ended was, if that is not its client's doing.
    private nonisolated var readsAreOver: BerthError? {
        switch reads?.door {
        case .closed(let reason): reason
        case .draining: notLeader
        case .open, nil: nil
        }
    }

    private nonisolated func refusal(_ entry: ReadQueue<Reads.Job>.Entry) -> HostAnswer? {
        switch entry {
        case .draining: HostAnswer(.failure(notLeader), .nothing)
        case .closed(let reason): Self.toBeMadeAgain(reason)
        case .begin, .waits: nil
        }
    }

    /// Nothing has come of it, so it may be made once more.
    private static func toBeMadeAgain(_ reason: BerthError) -> HostAnswer {
        var answer = HostAnswer(.failure(reason), .nothing)
        answer.mayBeMadeAgain = true
        return answer
    }

    /// Carries out a statement of a stream that has nothing open, if it only reads, while the lane is free for others.
    ///
    /// - Returns: `nil` when the writer has to carry it out.
    func executeBesideWriter(
        _ statement: SQLStatement, on stream: HranaStream, _ request: RequestUnderWay
    ) async throws(SQLError) -> SQLResult? {
        guard let reads, stream.isKept, stream.connection == nil, engine.looksLikeQuery(statement.sql) else { return nil }
        let (end, call, isReadOnly, counters, bytes) = (request.end, request.id, stream.access.isReadOnly, stream.counters, request.answeredBytes)
        let result = await withCheckedContinuation { continuation in
            let job = Reads.Job(end: end) { place in
                let result: Result<SQLResult, SQLError>?
                switch place {
                case .writer, .own: result = nil
                // The writer finds out why, and answers.
                case .withdrawn: result = nil
                case .reader(let reader):
                    var run = ReadRun(call, isReadOnly: isReadOnly, counters, answeredBytes: bytes, end: end, of: self, on: reader)
                    result = run.carryOut(statement)
                    if result != nil { _ = self.commits.seen { reader.commitMark } }
                }
                return { continuation.resume(returning: result) }
            }
            if reads.enter(job, isUnderWay: true, for: self) != nil { continuation.resume(returning: nil) }
        }
        // Closed meanwhile, with its database: what it was told does not matter any more.
        if stream.isClosed { throw closedMeanwhile(request) }
        guard let result else { return nil }
        request.touchedData = true
        return try result.get()
    }

    /// A reader has nothing more to do.
    nonisolated func readsEnded() {
        if case .draining? = reads?.door { Task { await self.resumeQuietWaitersIfQuiet() } }
    }
}
