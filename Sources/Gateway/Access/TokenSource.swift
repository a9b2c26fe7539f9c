public import FleetModel
public import FleetStore
import Foundation

/// Where tokens are looked up.
public protocol TokenSource: Sendable {
    /// What the token with this secret allows, revoked and expired ones included; `nil` when there is none.
    ///
    /// - Throws: `store_unavailable` and the like, when it could not be found out.
    func grant(for secret: TokenSecret) async throws(BerthError) -> TokenGrant?
}

/// What a token allows.
public struct TokenGrant: Sendable, Hashable {
    public var scope: TokenScope
    /// The only database it is good for; `nil` for all.
    public var database: DatabaseID?
    /// The name of that database; `nil` when it exists no more.
    public var databaseName: DatabaseName?
    /// Seconds since 1970; `nil` when it does not expire.
    public var expiresAt: Double?
    public var isRevoked: Bool

    public init(
        scope: TokenScope, database: DatabaseID? = nil, databaseName: DatabaseName? = nil, expiresAt: Double? = nil,
        isRevoked: Bool = false
    ) {
        self.scope = scope
        self.database = database
        self.databaseName = databaseName
        self.expiresAt = expiresAt
        self.isRevoked = isRevoked
    }
}

extension FleetCatalogue: TokenSource {
    public func grant(for secret: TokenSecret) async throws(BerthError) -> TokenGrant? {
        guard let record = try await token(secret: secret) else { return nil }
        return TokenGrant(
            scope: record.scope, database: record.database, databaseName: record.databaseName,
            expiresAt: record.expiresAt?.timeIntervalSince1970, isRevoked: record.revokedAt != nil)
    }
}
