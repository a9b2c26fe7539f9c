import CoreMetrics
import EngineHost
import FleetModel
import FleetStore
import Hrana
import Leases
import Routing
import Synchronization

/// Requests, and the one way in which they are acknowledged.
extension Tenant {
    /// Carries out one call of the data protocol.
    ///
    /// - Throws: `not_leader`, `leader_unavailable`: nothing was executed. `outcome_unknown`: it may have been.
    nonisolated func serve(_ call: DataCall) async throws(BerthError) -> DataReply {
        do throws(BerthError) { return try await carryOut(call) } catch { throw error.hidingDirectory(environment.directory) }
    }

    private nonisolated func carryOut(_ call: DataCall) async throws(BerthError) -> DataReply {
        lastUse.store(environment.clock.now().wholeNanoseconds, ordering: .relaxed)
        if case .versionCheck = call.route { return DataReply(body: []) }
        var attempts = 1
        while true {
            let service = try await begin()
            defer { end() }
            // The first gate.
            guard environment.gate.isOpen else { throw gateClosed }
            let answer = await service.database.serve(
                HostCall(
                    route: call.route, query: call.query, body: call.body,
                    access: AccessRights(isReadOnly: call.access == .readOnly, tokenDigest: call.tokenDigest), writesWait: writesWait))
            if answer.mayBeMadeAgain, attempts < Self.attempts, !Task.isCancelled {
                attempts += 1
                continue
            }
            do throws(BerthError) { try await acknowledge(answer.basis, of: service) } catch {
                if answer.stream != nil || answer.cursor != nil { await service.database.discard(stream: answer.stream, cursor: answer.cursor) }
                throw error
            }
            // Nobody gets the baton any more, or reads on.
            if Task.isCancelled { await service.database.discard(stream: answer.stream, cursor: answer.cursor) }
            let reply = try answer.content.get()
            return DataReply(
                status: reply.status, contentType: reply.contentType, body: reply.body,
                rest: answer.cursor.map { RestOfAnswer(of: self, service, cursor: $0) })
        }
    }

    /// Hosts that end under a call that has not begun.
    private static let attempts = 3

    /// Whoever carries a request out; opens the database if need be.
    private nonisolated func begin() async throws(BerthError) -> TenantLedger.Service {
        while true {
            if let service = machine.withLock({ $0.begin() }) { return service }
            try await open()
        }
    }

    /// The answer to a request was given, or is not going to be.
    private nonisolated func end() {
        if machine.withLock({ $0.end() }) { Task { await self.resumeQuietWaitersIfQuiet() } }
    }

    /// Why writes are not taken now.
    private nonisolated var writesWait: BerthError? {
        let lag = bucketLag
        guard lag > environment.settings.maximumShipLag else { return nil }
        return BerthError(
            .shipLagExceeded, "Writes wait for the bucket, which is \(lag.milliseconds) ms behind. Try again in a second.")
    }

    /// The last word before an answer is given: durability, then the second gate of rule 2. Reads too: an answer must not show what a failover
    /// could still take back.
    nonisolated func acknowledge(_ basis: Basis, of service: TenantLedger.Service) async throws(BerthError) {
        guard basis.showsData || basis.mayHaveCommitted else { return }
        if record.durability == .bucket, await !isPublished(basis.commit, of: service) { throw unconfirmed(basis) }
        guard environment.gate.isOpen, machine.withLock({ $0.ledger.mayAcknowledge(service) }) else { throw unconfirmed(basis) }
    }

    /// Waits for it.
    private nonisolated func isPublished(_ commit: UInt64, of service: TenantLedger.Service) async -> Bool {
        switch machine.withLock({ $0.ledger.wait(for: commit, of: service) }) {
        case .isPublished: return true
        case .isGivenUp: return false
        case .wait: break
        }
        let deadline = environment.clock.now() + environment.settings.publishTimeout
        environment.attention.insert(self)
        return await withCheckedContinuation { continuation in
            // Published, or given up, in the meantime.
            let known = machine.withLock { $0.wait(for: commit, of: service, until: deadline, continuation) }
            if let known { continuation.resume(returning: known) }
        }
    }

    private nonisolated func unconfirmed(_ basis: Basis) -> BerthError {
        guard basis.mayHaveCommitted else {
            return BerthError(
                .leaderUnavailable, "This node lost “\(record.name)” while it answered. Nothing was changed; try again.")
        }
        RareBranch.outcomeUnknown.marked()
        return BerthError(
            .outcomeUnknown,
            "This node could not confirm the write to “\(record.name)”: it may or may not have been kept. Read before "
                + "writing again, or make the write repeatable.")
    }
}

/// The rest of an answer that is sent while it is made. Each piece is acknowledged like an answer of its own.
private final class RestOfAnswer: ReplyStream {
    private let tenant: Tenant
    private let service: TenantLedger.Service
    private let cursor: UInt64
    private let isOver = Atomic(false)

    init(of tenant: Tenant, _ service: TenantLedger.Service, cursor: UInt64) {
        self.tenant = tenant
        self.service = service
        self.cursor = cursor
    }

    func next() async throws(BerthError) -> [UInt8]? {
        guard !isOver.load(ordering: .relaxed) else { return nil }
        guard let piece = await service.database.nextPiece(ofCursor: cursor) else { return end(with: Self.hostEnded) }
        if piece.isLast { isOver.store(true, ordering: .relaxed) }
        do throws(BerthError) {
            try await tenant.acknowledge(piece.basis, of: service)
            return piece.lines.isEmpty ? nil : piece.lines
        } catch {
            // Made, but not to be shown.
            await service.database.cutOffCursor(cursor)
            return end(with: SQLError(code: error.code.rawValue.uppercased(), message: error.message))
        }
    }

    /// Not the whole answer, and it does not look like it.
    private func end(with error: SQLError) -> [UInt8] {
        isOver.store(true, ordering: .relaxed)
        var writer = JSONWriter()
        writer.escapesLineEnds = true
        writer.cursorError(error)
        return writer.bytes
    }

    private static let hostEnded = SQLError(
        code: "STREAM_EXPIRED", message: "The answer ends here: the process that was making it ended. Ask again.")

    func cancel() {
        isOver.store(true, ordering: .relaxed)
        service.database.cancelCursor(cursor)
    }
}
