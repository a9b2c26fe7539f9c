import FleetModel
import FleetStore

/// An admin token as the API shows it: everything but its secret.
public struct TokenResource: Codable, Sendable, Hashable {
    public var id: String
    public var name: String
    /// `read`, `operate` or `admin`.
    public var scope: String
    /// The name of the only database it is good for, `nil` for all.
    @OrNull public var database: String?
    /// RFC 3339, as the other two.
    public var createdAt: String
    @OrNull public var expiresAt: String?
    @OrNull public var revokedAt: String?

    init(_ record: TokenRecord) {
        id = record.id.description
        name = record.name
        scope = record.scope.rawValue
        database = record.databaseName?.description
        createdAt = ResourceCoding.timestamp(record.createdAt)
        expiresAt = record.expiresAt.map(ResourceCoding.timestamp)
        revokedAt = record.revokedAt.map(ResourceCoding.timestamp)
    }
}

/// A token that was just made: its members, and `secret`.
public struct NewTokenResource: Codable, Sendable, Hashable {
    public var token: TokenResource
    /// Shown this once; only its hash is kept.
    public var secret: String

    private enum CodingKeys: String, CodingKey { case secret }

    init(token: TokenResource, secret: String) {
        self.token = token
        self.secret = secret
    }

    public init(from decoder: any Decoder) throws {
        token = try TokenResource(from: decoder)
        secret = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .secret)
    }

    public func encode(to encoder: any Encoder) throws {
        try token.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(secret, forKey: .secret)
    }
}

/// All tokens.
public struct TokenList: Codable, Sendable, Hashable {
    public var tokens: [TokenResource]
}
