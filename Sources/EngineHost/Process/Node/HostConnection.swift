import Changesets
import Engines
import FleetModel
import Foundation
import Metrics
import Synchronization

/// The node's end of the frames: requests under way, and those for whom databases are open.
final class HostConnection: Sendable {
    enum Reply: Sendable {
        case message(HostMessage)
        /// The host is lost, and did not answer.
        case lost(String, Progress)
        /// As many calls are under way as there may be. The host was not asked.
        case refused
    }

    /// How far a request was when its host ended.
    enum Progress: Sendable {
        case notBegun
        case begun
        /// Its database was being carried out, and is why the host ended: the next one would end of it as well.
        case isToBlame
    }

    private enum Request {
        case reserved
        /// - Parameters: of a call, where and what it is.
        case waiting(CheckedContinuation<Reply, Never>, place: UInt64, body: [UInt8])
    }

    private struct State {
        var requests = RequestTable<Request>()
        var owners: [UInt64: any DatabaseOwner] = [:]
        var databases: [UInt64: DatabaseID] = [:]
        var spooled: UInt64 = 0
        /// Why the host is lost.
        var lost: String?
    }

    let channel: any FrameSending
    private let spool: Spool
    /// Which changesets stay in files, and where.
    private let kept: SpoolRule
    private let blocking: BlockingWork
    private let state = Mutex(State())

    init(channel: any FrameSending, spool: Spool, kept: SpoolRule, blocking: BlockingWork) {
        self.kept = kept
        self.channel = channel
        self.spool = spool
        self.blocking = blocking
    }

    /// Databases that are open or being opened.
    var databases: Int { state.withLock { $0.owners.count } }

    // MARK: Receiving

    /// - Throws: when no host of this program says that.
    func receive(_ message: HostMessage, _ number: UInt64) throws(FrameError) {
        switch message {
        // A database that was closed meanwhile has no owner any more.
        case .committed(let place, let commit): owner(place)?.committed(commit)
        case .wantsCut(let place): owner(place)?.wantsCut()
        case .filesDoNotOpen(let place): owner(place)?.filesDoNotOpen()
        case .wantsFiles(let place): owner(place)?.wantsFiles()
        case .counted(let counter, let count): Counter(label: counter.rawValue).increment(by: Int64(clamping: count))
        case .ready, .pong: break
        default:
            let request = state.withLock { state -> Request? in
                if case .openingFailed = message {
                    state.owners[number] = nil
                    state.databases[number] = nil
                }
                return state.requests.remove(number)
            }
            guard case .waiting(let continuation, _, _)? = request else { throw FrameError("an answer to \(number), which was not asked") }
            continuation.resume(returning: .message(message))
        }
    }

    private func owner(_ place: UInt64) -> (any DatabaseOwner)? { state.withLock { $0.owners[place] } }

    /// The host is lost: everybody is told, owners first, so that who is answered knows already.
    ///
    /// - Parameters:
    ///   - blamed: databases that are why it ended.
    ///   - hasBegun: of each request that is under way.
    func end(_ reason: String, blamed: Set<DatabaseID> = [], hasBegun: (UInt64) -> Bool) {
        let (owners, requests, databases) = state.withLock { state -> ([any DatabaseOwner], [(number: UInt64, value: Request)], [UInt64: DatabaseID]) in
            guard state.lost == nil else { return ([], [], [:]) }
            state.lost = reason
            defer { state.owners = [:] }
            return (state.owners.sorted { $0.key < $1.key }.map(\.value), state.requests.removeAll(), state.databases)
        }
        channel.end()
        for owner in owners { owner.hostLost(reason) }
        for request in requests {
            guard case .waiting(let continuation, let place, _) = request.value else { continue }
            let isBlamed = databases[place].map(blamed.contains) ?? false
            continuation.resume(returning: .lost(reason, !hasBegun(request.number) ? .notBegun : isBlamed ? .isToBlame : .begun))
        }
    }

    // MARK: Asking

    /// Sends a request and waits for its answer.
    ///
    /// - Parameter isCall: of a client: cancelling the task tells the host, whose answer is waited for in any case; and there may be too many of them,
    ///   but never so many that nothing else could be asked.
    nonisolated(nonsending) func ask(_ request: HostRequest, isCall: Bool = false) async -> Reply {
        switch reserve(for: nil, nil, leaving: isCall ? Self.placesForOthers : 0) {
        case .refused(let reply): return reply
        case .number(let number):
            guard isCall else { return await wait(number, request, isWithdrawable: false) }
            return await withTaskCancellationHandler {
                await wait(number, request, isWithdrawable: true)
            } onCancel: {
                channel.send(.withdraw, number)
            }
        }
    }

    /// Opens a database.
    ///
    /// - Parameter owner: told of everything from now on.
    /// - Returns: its place.
    func open(_ opening: DatabaseOpening, for owner: any DatabaseOwner) async throws(OpeningFailure) -> UInt64 {
        let place: UInt64, reply: Reply
        switch reserve(for: owner, opening.database) {
        case .number(let number): (place, reply) = (number, await wait(number, .open(opening), isWithdrawable: false))
        case .refused(let refusal): (place, reply) = (0, refusal)
        }
        switch reply {
        case .message(.opened): return place
        case .message(.openingFailed(let failure)): throw failure
        case .message: throw .host(.hostLost(misunderstood()))
        case .lost(let reason, _): throw .host(.hostLost(reason))
        case .refused: throw .host(.hostLost("it was asked for too much at once"))
        }
    }

    /// Requests that are no client's, at once, at most: openings, cuts, closings.
    private static let placesForOthers = 8_192

    private enum Reserved {
        case number(UInt64)
        case refused(Reply)
    }

    private func reserve(for owner: (any DatabaseOwner)?, _ database: DatabaseID?, leaving spare: Int = 0) -> Reserved {
        state.withLock { state in
            if let lost = state.lost { return .refused(.lost(lost, .notBegun)) }
            guard let number = state.requests.add(.reserved, leaving: spare) else { return .refused(.refused) }
            if let owner { state.owners[number] = owner }
            if let database { state.databases[number] = database }
            return .number(number)
        }
    }

    private nonisolated(nonsending) func wait(_ number: UInt64, _ request: HostRequest, isWithdrawable: Bool) async -> Reply {
        await withCheckedContinuation { continuation in
            let lost = state.withLock { state -> String? in
                guard state.lost == nil else { return state.lost }
                if case .serve(let place, let call, _) = request {
                    state.requests.set(number, .waiting(continuation, place: place, body: call.body))
                } else {
                    state.requests.set(number, .waiting(continuation, place: 0, body: []))
                }
                return state.lost
            }
            if let lost { return continuation.resume(returning: .lost(lost, .notBegun)) }
            channel.send(request, number)
            // Withdrawn before it was sent, it would have been withdrawn in vain.
            if isWithdrawable && Task.isCancelled { channel.send(.withdraw, number) }
        }
    }

    /// Tells the host something that has no answer.
    func tell(_ request: HostRequest) { channel.send(request) }

    /// A database was closed.
    ///
    /// - Returns: whether it was open until now: whoever closes it a second time, or at the same time, is told the same.
    func disown(_ place: UInt64) -> Bool {
        state.withLock { state in
            state.databases[place] = nil
            return state.owners.removeValue(forKey: place) != nil
        }
    }

    /// The bodies of calls under way, by their databases: those that were begun.
    func begunCalls(_ hasBegun: (UInt64) -> Bool) -> [DatabaseID: [UInt8]] {
        let calls = state.withLock { state in
            var calls: [(number: UInt64, database: DatabaseID, body: [UInt8])] = []
            state.requests.forEach { number, request in
                guard case .waiting(_, let place, let body) = request, let database = state.databases[place] else { return }
                calls.append((number, database, body))
            }
            return calls
        }
        return Dictionary(calls.filter { hasBegun($0.number) }.map { ($0.database, $0.body) }) { first, _ in first }
    }

    /// An answer of a kind that does not fit: the host is not to be trusted any further.
    func misunderstood() -> String {
        let reason = "it answered with something else than was asked for"
        channel.end()
        return reason
    }

    // MARK: The spool

    nonisolated(nonsending) func put(_ bytes: [UInt8]) async throws(Spool.Failure) -> SpooledFile {
        let number = state.withLock { state in
            state.spooled += 1
            return state.spooled
        }
        return try await blocking.run { [spool] () throws(Spool.Failure) in try spool.put(bytes, number) }
    }

    /// A changeset that its host has given away.
    nonisolated(nonsending) func takeChangeset(_ file: SpooledFile) async throws(Spool.Failure) -> ChangesetContents {
        if file.byteCount > kept.memoryBytes { return .file(try spool.keep(file, in: kept.folder)) }
        return .bytes(try await take(file))
    }

    nonisolated(nonsending) func take(_ file: SpooledFile) async throws(Spool.Failure) -> [UInt8] {
        try await blocking.run { [spool] () throws(Spool.Failure) in try spool.take(file) }
    }
}
