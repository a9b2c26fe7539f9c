import Changesets
import Engines
import FleetModel
import Foundation
import Logging
import Synchronization

/// Carries out what the frames of a node ask for, in an ``EngineHost`` of this process.
final class HostServer: Sendable {
    private struct State {
        var databases: [UInt64: any HostedDatabase] = [:]
        /// Of calls that can be withdrawn; `nil` until the task is known.
        var calls: [UInt64: Task<Void, Never>?] = [:]
        var spooled: UInt64 = 0
    }

    private let host: any EngineHost
    private let channel: any FrameSending
    private let spool: Spool
    private let blocking: BlockingWork
    private let clock: any FleetClock
    private let relieve: @Sendable (_ work: UInt64?) -> Void
    private let state = Mutex(State())

    /// - Parameter relieve: as ``HostRequest/relieve(work:)``.
    init(
        host: any EngineHost, channel: any FrameSending, spool: Spool, blocking: BlockingWork, clock: any FleetClock,
        relieve: @escaping @Sendable (_ work: UInt64?) -> Void
    ) {
        self.host = host
        self.channel = channel
        self.spool = spool
        self.blocking = blocking
        self.clock = clock
        self.relieve = relieve
    }

    /// Begins with a request. Does not block.
    func handle(_ request: HostRequest, _ number: UInt64) throws(FrameError) {
        switch request {
        case .configure: throw FrameError("a host is configured once")
        case .ping: channel.send(.pong, number)
        case .relieve(let work): relieve(work)
        case .withdraw: state.withLock { $0.calls[number] ?? nil }?.cancel()
        case .open(let opening): Task { await open(opening, number) }
        case .rehearse(let engine, let path):
            answer(number) { [host] () throws(HostFailure) in try await host.rehearse(path, engine) }
        case .verify(let engine, let path):
            answer(number) { [host] () throws(HostFailure) in try await host.verify(path, engine) }
        case .serve(let place, let call, let spooled): serve(database(place), call, spooled, number)
        case .nextPiece(let place, let cursor):
            with(place, number, orElse: .piece(nil, nil)) { database in
                await self.piece(await database.nextPiece(ofCursor: cursor), number)
            }
        case .cancelCursor(let place, let cursor): database(place)?.cancelCursor(cursor)
        case .cutOffCursor(let place, let cursor): with(place, number) { await $0.cutOffCursor(cursor) }
        case .discard(let place, let stream, let cursor): with(place, number) { await $0.discard(stream: stream, cursor: cursor) }
        case .cut(let place, let order): cut(place, order, number)
        case .drain(let place, let deadline):
            let until = clock.now() + (deadline - clock.instant())
            with(place, number) { await $0.drain(until: until) }
        case .endDraining(let place): database(place)?.endDraining()
        case .resume(let place): with(place, number) { await $0.resume() }
        case .foldForClosing(let place, let head):
            with(place, number, orElse: .folded(.failed)) { [channel] in channel.send(.folded(await $0.foldForClosing(head: head)), number) }
        case .raise(let place, let epoch): with(place, number) { await $0.raise(to: epoch) }
        case .closeIfAtRest(let place, let head):
            with(place, number, orElse: .closed(.dirty)) { self.closed(place, await $0.closeIfAtRest(head: head), number) }
        case .close(let place, let clean, let reason):
            with(place, number, orElse: .closed(.dirty)) { self.closed(place, await $0.close(clean: clean, because: reason), number) }
        }
    }

    private func database(_ place: UInt64) -> (any HostedDatabase)? { state.withLock { $0.databases[place] } }

    private func with(
        _ place: UInt64, _ number: UInt64, orElse message: HostMessage, _ body: @escaping @Sendable (any HostedDatabase) async -> Void
    ) {
        guard let database = database(place) else { return channel.send(message, number) }
        Task.immediate { await body(database) }
    }

    private func with(_ place: UInt64, _ number: UInt64, _ body: @escaping @Sendable (any HostedDatabase) async -> Void) {
        with(place, number, orElse: .done) { [channel] in
            await body($0)
            channel.send(.done, number)
        }
    }

    private func answer(_ number: UInt64, _ body: @escaping @Sendable () async throws(HostFailure) -> Void) {
        Task { [channel] in
            do throws(HostFailure) {
                try await body()
                channel.send(.done, number)
            } catch { channel.send(.failed(error), number) }
        }
    }

    // MARK: Databases

    private func open(_ opening: DatabaseOpening, _ number: UInt64) async {
        do throws(OpeningFailure) {
            let database = try await host.open(opening, for: PlaceOwner(number, channel))
            state.withLock { $0.databases[number] = database }
            channel.send(.opened, number)
        } catch { channel.send(.openingFailed(error), number) }
    }

    private func closed(_ place: UInt64, _ closing: Closing?, _ number: UInt64) {
        if closing != nil { _ = state.withLock { $0.databases.removeValue(forKey: place) } }
        channel.send(.closed(closing), number)
    }

    /// Tells the node what a database's owner is told.
    private final class PlaceOwner: DatabaseOwner {
        private let place: UInt64
        private let channel: any FrameSending

        init(_ place: UInt64, _ channel: any FrameSending) {
            self.place = place
            self.channel = channel
        }

        func committed(_ commit: UInt64) { channel.send(.committed(place: place, commit: commit)) }
        func wantsCut() { channel.send(.wantsCut(place: place)) }
        func wantsFiles() { channel.send(.wantsFiles(place: place)) }
        func filesDoNotOpen() { channel.send(.filesDoNotOpen(place: place)) }
        func hostLost(_ reason: String) { brokenInvariant("a host in its own process was lost: \(reason)") }
    }

    // MARK: Calls

    private func serve(_ database: (any HostedDatabase)?, _ call: HostCall, _ spooled: SpooledFile?, _ number: UInt64) {
        guard let database else {
            let closed = BerthError(.notLeader, "The database was closed in the meantime. Ask again.")
            var answer = HostAnswer(.failure(closed), .nothing)
            answer.mayBeMadeAgain = true
            return channel.send(.answer(answer, nil), number)
        }
        state.withLock { $0.calls[number] = .some(nil) }
        let task = Task.immediate {
            var call = call
            call.id = number
            do throws(Spool.Failure) {
                if let spooled { call.body = try await self.take(spooled) }
                await self.answer(await database.serve(call), number)
            } catch {
                self.channel.send(.answer(HostAnswer(.failure(BerthError(.diskUnavailable, error.description)), .nothing), nil), number)
            }
            _ = self.state.withLock { $0.calls.removeValue(forKey: number) }
        }
        state.withLock { state in
            // Over already where there was nothing to wait for.
            if state.calls[number] != nil { state.calls[number] = task }
        }
    }

    private func answer(_ answer: HostAnswer, _ number: UInt64) async {
        guard case .success(var reply) = answer.content, reply.body.count > FrameLimits.inlineBytes else {
            return channel.send(.answer(answer, nil), number)
        }
        var answer = answer, file: SpooledFile?
        do throws(Spool.Failure) {
            file = try await put(reply.body)
            reply.body = []
            answer.content = .success(reply)
        } catch {
            answer.content = .failure(
                answer.basis.mayHaveCommitted
                    ? BerthError(.outcomeUnknown, "The request was carried out, and its answer could not be given: \(error).")
                    : BerthError(.diskUnavailable, "The answer could not be given: \(error)."))
        }
        channel.send(.answer(answer, file), number)
    }

    private func piece(_ piece: CursorPiece?, _ number: UInt64) async {
        guard var piece, piece.lines.count > FrameLimits.inlineBytes else { return channel.send(.piece(piece, nil), number) }
        do throws(Spool.Failure) {
            let file = try await put(piece.lines)
            piece.lines = []
            channel.send(.piece(piece, file), number)
        } catch { channel.send(.piece(nil, nil), number) }
    }

    private func cut(_ place: UInt64, _ order: CutOrder, _ number: UInt64) {
        let gone = CutFailure(remedy: .tryAgain, description: "the database is closed")
        with(place, number, orElse: .cutFailed(gone)) { database in
            do throws(CutFailure) {
                let result = try await database.cut(order)
                guard case .cut(var cut) = result, cut.contents.bytesInMemory != cut.contents.size || cut.contents.size > FrameLimits.inlineBytes
                else { return self.channel.send(.cut(result, nil), number) }
                do throws(Spool.Failure) {
                    let file = try await self.hand(over: cut.contents)
                    cut.contents = .bytes([])
                    self.channel.send(.cut(.cut(cut), file), number)
                } catch { self.channel.send(.cutFailed(CutFailure(remedy: .tryAgain, description: error.description)), number) }
            } catch { self.channel.send(.cutFailed(error), number) }
        }
    }

    // MARK: The spool

    private func put(_ bytes: [UInt8]) async throws(Spool.Failure) -> SpooledFile {
        let file = nextFile()
        return try await blocking.run { [spool] () throws(Spool.Failure) in try spool.put(bytes, file) }
    }

    private func hand(over contents: ChangesetContents) async throws(Spool.Failure) -> SpooledFile {
        switch contents {
        case .bytes(let bytes): return try await put(bytes)
        case .file(let file): return try spool.give(file, nextFile())
        }
    }

    private func nextFile() -> UInt64 {
        state.withLock { state in
            state.spooled += 1
            return state.spooled
        }
    }

    private func take(_ file: SpooledFile) async throws(Spool.Failure) -> [UInt8] {
        try await blocking.run { [spool] () throws(Spool.Failure) in try spool.take(file) }
    }
}
