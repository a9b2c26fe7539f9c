import Crypto
public import FleetModel
public import Foundation

/// What a token allows; each includes the ones before it.
public enum TokenScope: String, Sendable, Codable, CaseIterable, Comparable {
    /// See everything, read data.
    case read
    /// Also create and move databases, drain nodes, write data.
    case operate
    /// Also make and revoke tokens.
    case admin

    public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
    private var rank: Int { self == .read ? 0 : self == .operate ? 1 : 2 }
}

public struct TokenRecord: Sendable, Hashable {
    public var id: TokenID
    public var name: String
    public var scope: TokenScope
    /// The only database this token is good for; `nil` for all.
    public var database: DatabaseID?
    public var databaseName: DatabaseName?
    public var createdAt: Date
    public var expiresAt: Date?
    public var revokedAt: Date?
}

/// A token's secret as clients send it. Only its hash is ever stored.
public struct TokenSecret: Sendable, Hashable {
    public let text: String

    /// 256 random bits.
    public static func generate() -> TokenSecret {
        let bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
        return TokenSecret(
            "berth_" + bytes.base64EncodedString().replacingOccurrences(of: "+", with: "-")
                .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: ""))
    }

    public init(_ text: String) { self.text = text }

    /// SHA-256: enough, because the secret has 256 bits of its own.
    public var hash: [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }
}

extension FleetCatalogue {
    public func createToken(
        _ secret: TokenSecret, name: String, scope: TokenScope, database: DatabaseID? = nil, expiresAt: Date? = nil
    ) async throws(BerthError) -> TokenRecord {
        let id = TokenID.timeOrdered()
        _ = try await run("""
            insert into tokens (id, name, hash, scope, database, expires_at)
            values ($1, $2, $3, $4, $5, $6)
            """, [
                .uuid(id.uuid), .text(name), .bytea(secret.hash), .text(scope.rawValue),
                database.map { .uuid($0.uuid) } ?? .null,
                PostgresValue(expiresAt),
            ])
        let rows = try await run(Self.tokenSQL + " where t.id = $1", [.uuid(id.uuid)])
        guard let row = rows.first else { throw BerthError(.internalError, "The new token cannot be read back.") }
        return try token(row)
    }

    /// The token with this secret, revoked or expired ones included; `nil` when there is none.
    public func token(secret: TokenSecret) async throws(BerthError) -> TokenRecord? {
        guard let row = try await run(Self.tokenSQL + " where t.hash = $1", [.bytea(secret.hash)]).first else { return nil }
        return try token(row)
    }

    public func tokens() async throws(BerthError) -> [TokenRecord] {
        var tokens: [TokenRecord] = []
        for row in try await run(Self.tokenSQL + " order by t.id") { tokens.append(try token(row)) }
        return tokens
    }

    /// - Throws: `token_not_found`.
    public func revokeToken(_ id: TokenID) async throws(BerthError) {
        let rows = try await run(
            "update tokens set revoked_at = coalesce(revoked_at, now()) where id = $1 returning id", [.uuid(id.uuid)])
        if rows.isEmpty { throw BerthError(.tokenNotFound, "There is no token \(id). `berth token list` shows those there are.") }
    }

    private static let tokenSQL =
        "select t.*, d.name as database_name from tokens t left join databases d on d.id = t.database"

    private func token(_ row: PostgresRow) throws(BerthError) -> TokenRecord {
        try value {
            TokenRecord(
                id: TokenID(try row.uuid("id")), name: try row.string("name"),
                scope: TokenScope(rawValue: try row.string("scope")) ?? .read,
                database: try row.optionalUUID("database").map { DatabaseID($0) },
                databaseName: try row.optionalString("database_name").map { try DatabaseName($0) },
                createdAt: try row.date("created_at"), expiresAt: try row.optionalDate("expires_at"),
                revokedAt: try row.optionalDate("revoked_at"))
        }
    }
}
