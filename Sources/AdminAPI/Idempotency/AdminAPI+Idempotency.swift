import Crypto
import FleetModel
import FleetStore
import Foundation
import HTTPTypes
import Logging

/// The `Idempotency-Key` of one request and what it must be the same for.
struct IdempotentAttempt: Sendable {
    let key: String
    let token: TokenID
    /// SHA-256 of method, path and body.
    let fingerprint: [UInt8]

    /// - Throws: `invalid_argument` for a key that is empty, longer than 255 characters or not printable ASCII.
    init(key: String, token: TokenID, method: HTTPRequest.Method, path: String, body: [UInt8]) throws(BerthError) {
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw BerthError(
                .invalidArgument, "“Idempotency-Key” must have 1 to 255 printable ASCII characters without spaces.")
        }
        self.key = key
        self.token = token
        var hash = SHA256()
        hash.update(data: Data("\(method.rawValue)\n\(path)\n".utf8))
        hash.update(data: Data(body))
        fingerprint = Array(hash.finalize())
    }

    /// The same for every attempt at this request, and for no other.
    var seed: [UInt8] { Array(SHA256.hash(data: Data("\(token)\n\(key)\n".utf8) + Data(fingerprint))) }
}

extension AdminAPI {
    /// Carries a request out unless it was carried out before; then the answer of that time is given again.
    ///
    /// Only answers of success are kept. After a failure the key is free again: what failed changed nothing, or knows
    /// itself again by the attempt's seed.
    ///
    /// - Throws: `idempotency_key_reused`; `operation_conflict` while the same request is being carried out.
    func once(
        _ attempt: IdempotentAttempt, _ carryOut: () async throws(BerthError) -> Answer
    ) async throws(BerthError) -> Answer {
        let catalogue = fleet.catalogue
        switch try await catalogue.claim(
            idempotencyKey: attempt.key, token: attempt.token, fingerprint: attempt.fingerprint)
        {
        case .answered(let status, let body): return .replay(status: status, body: body)
        case .reused:
            throw BerthError(
                .idempotencyKeyReused, "This Idempotency-Key was used for another request. Use a new key for a new request.")
        case .unfinished:
            throw BerthError(
                .operationConflict,
                "The same request is being carried out right now. Try again for its answer.", retryAfter: 1)
        case .first: break
        }
        invariant(attempt.fingerprint.count == SHA256.byteCount, "requests are told apart by less than their hash")
        let answer: Answer
        do { answer = try await carryOut() } catch {
            // Not as part of this task: a client that hangs up must not leave its key claimed.
            let abandoned = Task { try await catalogue.abandon(idempotencyKey: attempt.key, token: attempt.token) }
            if case .failure(let cause) = await abandoned.result {
                logger.warning("an idempotency key stays claimed", metadata: ["error": "\(cause)"])
            }
            throw error
        }
        let recorded = Task {
            try await catalogue.answer(
                idempotencyKey: attempt.key, token: attempt.token, status: answer.status.code, body: answer.body)
        }
        if case .failure(let cause) = await recorded.result {
            // It was carried out: that is what the client must hear.
            logger.warning("an answer could not be kept for repetition", metadata: ["error": "\(cause)"])
        }
        return answer
    }
}
