public import FleetModel

/// What is known of a request that carries an `Idempotency-Key`.
public enum IdempotencyClaim: Sendable, Hashable {
    /// Nobody sent it before: carry it out, then record the answer.
    case first
    /// It was answered before, with this.
    case answered(status: Int, body: [UInt8])
    /// The same request is being carried out right now, or its process died before it answered.
    case unfinished
    /// The key was used for another request.
    case reused
}

extension FleetCatalogue {
    /// Claims `key` for one request.
    ///
    /// A claim without an answer after a minute is that of a process that died; the next one takes it over.
    /// - Parameter fingerprint: a hash of method, path and body.
    public func claim(
        idempotencyKey key: String, token: TokenID, fingerprint: [UInt8]
    ) async throws(BerthError) -> IdempotencyClaim {
        let claimed = try await run("""
            insert into idempotency_keys as k (token, key, fingerprint) values ($1, $2, $3)
            on conflict (token, key) do update set created_at = now()
                where k.status is null and k.fingerprint = excluded.fingerprint
                  and k.created_at < now() - interval '60 seconds'
            returning key
            """, [.uuid(token.uuid), .text(key), .bytea(fingerprint)])
        if !claimed.isEmpty { return .first }
        let rows = try await run(
            "select fingerprint, status, body from idempotency_keys where token = $1 and key = $2",
            [.uuid(token.uuid), .text(key)])
        guard let row = rows.first else { return .unfinished }
        return try value {
            if try row.bytes("fingerprint") != fingerprint { return .reused }
            guard let status = try row.optionalInt64("status") else { return .unfinished }
            return .answered(status: Int(status), body: try row.bytes("body"))
        }
    }

    /// Records the answer of a claimed request.
    public func answer(
        idempotencyKey key: String, token: TokenID, status: Int, body: [UInt8]
    ) async throws(BerthError) {
        _ = try await run(
            "update idempotency_keys set status = $3, body = $4 where token = $1 and key = $2",
            [.uuid(token.uuid), .text(key), .int8(Int64(status)), .bytea(body)])
    }

    /// Gives a claim back after a failure that changed nothing, so that the client can try again.
    public func abandon(idempotencyKey key: String, token: TokenID) async throws(BerthError) {
        _ = try await run(
            "delete from idempotency_keys where token = $1 and key = $2 and status is null",
            [.uuid(token.uuid), .text(key)])
    }

    /// Forgets keys older than `hours`.
    public func forgetIdempotencyKeys(olderThanHours hours: Int) async throws(BerthError) {
        _ = try await run(
            "delete from idempotency_keys where created_at < now() - make_interval(hours => $1::int)", [.int8(Int64(hours))])
    }
}
