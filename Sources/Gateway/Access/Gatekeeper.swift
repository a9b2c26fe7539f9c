import Crypto
import FleetModel
import FleetStore
import Hrana
import Routing

/// Decides who may do what with a database.
struct Gatekeeper: Sendable {
    /// Somebody who was let in.
    struct Caller: Sendable {
        var access: DataAccess
        /// SHA-256 of the token.
        var digest: [UInt8]
    }

    /// A route is looked up anew before a token is refused for being of another database of the same name.
    private static let routeAgeForRefusal = Duration.seconds(1)

    let tokens: TokenCache
    let routes: RouteTable
    /// Seconds since 1970.
    let wallClock: @Sendable () -> Double

    /// Admits a request by what is remembered, which is the usual case and needs no waiting.
    ///
    /// - Returns: `nil` when something has to be looked up first.
    /// - Throws: `token_missing`, `token_invalid`, `token_expired`, `scope_insufficient`.
    func admitKnown(_ authorization: String?, to database: DatabaseName) throws(BerthError) -> Caller? {
        let text = try secret(authorization)
        let digest = Self.digest(text)
        guard let remembered = tokens.remembered(digest) else { return nil }
        let grant = try valid(remembered.grant)
        if let only = grant.database {
            try requireName(grant.databaseName, toBe: database)
            guard routes.lastKnown(database)?.database == only else { return nil }
        }
        return Caller(access: grant.scope == .read ? .readOnly : .readWrite, digest: digest)
    }

    /// Admits a request, whatever has to be looked up.
    ///
    /// - Throws: `token_missing`, `token_invalid`, `token_expired`, `scope_insufficient`; `store_unavailable` when the
    ///   token cannot be checked.
    func admit(_ authorization: String?, to database: DatabaseName) async throws(BerthError) -> Caller {
        let text = try secret(authorization)
        let digest = Self.digest(text)
        let grant = try valid(try await tokens.grant(for: TokenSecret(text), digest: digest))
        if let only = grant.database { try await require(only, grant.databaseName, toBe: database) }
        return Caller(access: grant.scope == .read ? .readOnly : .readWrite, digest: digest)
    }

    private func secret(_ authorization: String?) throws(BerthError) -> String {
        guard let text = try BearerToken.parse(authorization: authorization) else {
            throw BerthError(
                .tokenMissing, "Send a token as “Authorization: Bearer <token>”. `berth token create` makes one.")
        }
        return text
    }

    private func valid(_ grant: TokenGrant?) throws(BerthError) -> TokenGrant {
        guard let grant, !grant.isRevoked else {
            throw BerthError(.tokenInvalid, "The token is unknown or revoked. `berth token create` makes a new one.")
        }
        if let expiresAt = grant.expiresAt, wallClock() >= expiresAt {
            throw BerthError(.tokenExpired, "The token has expired. `berth token create` makes a new one.")
        }
        return grant
    }

    /// A token outlives the name of its database, which another one may bear by now: what counts is the identifier.
    private func require(_ id: DatabaseID, _ name: DatabaseName?, toBe database: DatabaseName) async throws(BerthError) {
        try requireName(name, toBe: database)
        if try await routes.route(to: database).database == id { return }
        guard try await routes.route(to: database, maximumAge: Self.routeAgeForRefusal).database == id else {
            throw Self.otherDatabase(database)
        }
    }

    /// Also keeps a token of one database from finding out which others exist.
    private func requireName(_ name: DatabaseName?, toBe database: DatabaseName) throws(BerthError) {
        guard name == database else { throw Self.otherDatabase(database) }
    }

    private static func otherDatabase(_ database: DatabaseName) -> BerthError {
        BerthError(.scopeInsufficient, "The token is for another database than “\(database)”.")
    }

    private static func digest(_ secret: String) -> [UInt8] {
        var secret = secret
        var hasher = SHA256()
        secret.withUTF8 { hasher.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return Array(hasher.finalize())
    }
}
