import FleetModel
import FleetStore
import Foundation
import HTTPTypes

extension AdminAPI {
    /// The caller a request's `Authorization` header names.
    ///
    /// - Throws: `token_missing`, `token_invalid`, `token_expired`.
    func authenticate(_ headers: HTTPFields) async throws(BerthError) -> Caller {
        guard let secret = bearerSecret(headers[.authorization]) else {
            throw BerthError(
                .tokenMissing,
                "Send an admin token as “Authorization: Bearer <token>”. `berth token create` makes one.")
        }
        guard let token = try await look(up: secret), token.revokedAt == nil else {
            throw BerthError(.tokenInvalid, "This token is unknown or was revoked. `berth token list` shows the valid ones.")
        }
        if let expiresAt = token.expiresAt, expiresAt <= now() {
            throw BerthError(
                .tokenExpired,
                "Token “\(token.name)” expired at \(ResourceCoding.timestamp(expiresAt)). Make a new one with "
                    + "`berth token create`.")
        }
        return Caller(token: token)
    }

    private func look(up secret: TokenSecret) async throws(BerthError) -> TokenRecord? {
        if let known = tokens.token(secret: secret) { return known }
        let readAt = clock.now()
        guard let token = try await fleet.catalogue.token(secret: secret) else { return nil }
        tokens.remember(token, secret: secret, readAt: readAt)
        return token
    }

    /// `nil` as well for the `None` and `null` that clients write for a variable nobody set.
    private func bearerSecret(_ header: String?) -> TokenSecret? {
        guard let header else { return nil }
        let words = header.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        let secret = words[1].trimmingCharacters(in: .whitespaces)
        return secret.isEmpty || secret == "None" || secret == "null" ? nil : TokenSecret(secret)
    }
}
