import Engines
import FleetModel

/// A database that is open in a host at the other end of a connection.
final class RemoteDatabase: HostedDatabase {
    private let place: UInt64
    private let connection: HostConnection
    private let clock: any FleetClock
    /// Lets the host know until when work may be begun.
    private let refreshGate: @Sendable () -> Void
    /// Told once it is closed.
    private let closed: @Sendable () -> Void

    init(_ place: UInt64, _ connection: HostConnection, clock: any FleetClock, refreshGate: @escaping @Sendable () -> Void, closed: @escaping @Sendable () -> Void) {
        self.place = place
        self.connection = connection
        self.clock = clock
        self.refreshGate = refreshGate
        self.closed = closed
    }

    // MARK: Requests

    func serve(_ call: HostCall) async -> HostAnswer {
        var call = call, file: SpooledFile?
        if call.body.count > FrameLimits.inlineBytes {
            do throws(Spool.Failure) { file = try await connection.put(call.body) } catch {
                return HostAnswer(.failure(BerthError(.diskUnavailable, "The request could not be handed on: \(error).")), .nothing)
            }
            call.body = []
        }
        refreshGate()
        switch await connection.ask(.serve(place: place, call, file), isCall: true) {
        case .message(.answer(let answer, nil)): return answer
        case .message(.answer(let answer, let file?)): return await whole(answer, file)
        case .message: return Self.lost(connection.misunderstood(), call.access, .begun)
        case .lost(let reason, let progress): return Self.lost(reason, call.access, progress)
        case .refused:
            return HostAnswer(
                .failure(BerthError(.nodeBusy, "The process that runs the database's engine is at work on as many requests as it may be. Nothing was executed.")),
                .nothing)
        }
    }

    private func whole(_ answer: HostAnswer, _ file: SpooledFile) async -> HostAnswer {
        guard case .success(var reply) = answer.content else { return answer }
        var answer = answer
        do throws(Spool.Failure) {
            reply.body = try await connection.take(file)
            answer.content = .success(reply)
        } catch {
            answer.content = .failure(
                BerthError(
                    answer.basis.mayHaveCommitted ? .outcomeUnknown : .diskUnavailable,
                    "The request was carried out, and its answer could not be read: \(error)."))
        }
        return answer
    }

    /// What a client is told whose request the host did not answer.
    private static func lost(_ reason: String, _ access: AccessRights, _ progress: HostConnection.Progress) -> HostAnswer {
        let error =
            switch progress {
            case .notBegun:
                BerthError(.leaderUnavailable, "The process that runs the database's engine ended before it began with the request: \(reason). Send it again.")
            case .begun where access.isReadOnly:
                BerthError(.leaderUnavailable, "The process that runs the database's engine ended during the request: \(reason). It can be sent again.")
            case .isToBlame where access.isReadOnly:
                // Final: whoever repeats it by itself would end one process after the other.
                BerthError(
                    .outcomeUnknown,
                    "The process that runs the database's engine ended of this request, or of another one to the same database: \(reason). This one could only read, so it "
                        + "has changed nothing. Do not send it again if it is the reason.")
            case .begun, .isToBlame:
                BerthError(
                    .outcomeUnknown,
                    "The process that runs the database's engine ended during the request: \(reason). What it wrote may be there or not: look before sending it again.")
            }
        var answer = HostAnswer(.failure(error), .nothing)
        if case .notBegun = progress { answer.mayBeMadeAgain = true }
        return answer
    }

    func nextPiece(ofCursor cursor: UInt64) async -> CursorPiece? {
        guard case .message(let message) = await connection.ask(.nextPiece(place: place, cursor: cursor)) else { return nil }
        guard case .piece(var piece?, let file) = message else {
            if case .piece(nil, _) = message { return nil }
            _ = connection.misunderstood()
            return nil
        }
        if let file {
            guard let lines = try? await connection.take(file) else {
                cancelCursor(cursor)
                return nil
            }
            piece.lines = lines
        }
        return piece
    }

    func cancelCursor(_ cursor: UInt64) { connection.tell(.cancelCursor(place: place, cursor: cursor)) }

    func cutOffCursor(_ cursor: UInt64) async { await done(.cutOffCursor(place: place, cursor: cursor)) }

    func discard(stream: UInt64?, cursor: UInt64?) async { await done(.discard(place: place, stream: stream, cursor: cursor)) }

    /// A request whose answer says that it was done; when the host is lost, so is what it was about.
    private func done(_ request: HostRequest) async {
        guard case .message(let message) = await connection.ask(request) else { return }
        if case .done = message { return }
        _ = connection.misunderstood()
    }

    // MARK: Shipping

    func cut(_ order: CutOrder) async throws(CutFailure) -> CutResult {
        switch await connection.ask(.cut(place: place, order)) {
        case .message(.cut(let result, nil)): return result
        case .message(.cut(.cut(var cut), let file?)):
            do throws(Spool.Failure) { cut.contents = try await connection.takeChangeset(file) } catch {
                throw CutFailure(remedy: .tryAgain, description: error.description)
            }
            return .cut(cut)
        case .message(.cutFailed(let failure)): throw failure
        case .message: throw CutFailure(remedy: .tryAgain, description: connection.misunderstood())
        case .lost(let reason, _): throw CutFailure(remedy: .tryAgain, description: HostFailure.hostLost(reason).description)
        case .refused: throw CutFailure(remedy: .tryAgain, description: "the host of the database is too busy")
        }
    }

    // MARK: The end

    func drain(until deadline: Duration) async { await done(.drain(place: place, until: clock.instant() + (deadline - clock.now()))) }

    func endDraining() { connection.tell(.endDraining(place: place)) }

    func resume() async { await done(.resume(place: place)) }

    func foldForClosing(head: ChainPosition) async -> Folding {
        guard case .message(let message) = await connection.ask(.foldForClosing(place: place, head: head)) else { return .failed }
        if case .folded(let folding) = message { return folding }
        _ = connection.misunderstood()
        return .failed
    }

    func raise(to epoch: Epoch) async { await done(.raise(place: place, to: epoch)) }

    func closeIfAtRest(head: ChainPosition) async -> Closing? { await close(.closeIfAtRest(place: place, head: head)) }

    func close(clean: Bool, because reason: BerthError) async -> Closing {
        await close(.close(place: place, clean: clean, because: reason)) ?? .dirty
    }

    /// A host that is lost has closed everything, and left the files as they were.
    private func close(_ request: HostRequest) async -> Closing? {
        let reply = await connection.ask(request)
        guard case .message(let message) = reply else {
            // What cannot be closed by asking is closed with its host: nobody may open the files beside it.
            if case .refused = reply { connection.channel.end() }
            return .dirty
        }
        guard case .closed(let closing) = message else {
            _ = connection.misunderstood()
            return .dirty
        }
        if closing != nil, connection.disown(place) { closed() }
        return closing
    }
}
