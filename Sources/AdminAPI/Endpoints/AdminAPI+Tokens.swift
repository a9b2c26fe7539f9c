import FleetModel
import FleetStore
import Foundation
import HTTPTypes
import Hummingbird

extension AdminAPI {
    var tokenEndpoints: [Endpoint] {
        [
            Endpoint(
                method: .post, path: "/v1/tokens", access: .token(.admin, reach: .fleet),
                body: .object(["name", "scope", "database", "ttl_seconds"]),
                refusesIdempotencyKey: "Answers to repeated requests would have to be kept, and a token's secret is kept "
                    + "nowhere. Leave the header out; after a lost answer revoke the token and make another."
            ) { call async throws(BerthError) in try await createToken(call) },
            Endpoint(
                method: .get, path: "/v1/tokens", access: .token(.admin, reach: .fleet)
            ) { _ async throws(BerthError) in
                try .json(TokenList(tokens: try await fleet.catalogue.tokens().map(TokenResource.init)))
            },
            Endpoint(
                method: .delete, path: "/v1/tokens/{id}", access: .token(.admin, reach: .fleet)
            ) { call async throws(BerthError) in
                let text = call.pathText("id")
                guard let id = TokenID(text) else {
                    throw BerthError(
                        .tokenNotFound, "“\(text.prefix(80))” is no token's identifier. `berth token list` shows them.")
                }
                try await fleet.catalogue.revokeToken(id)
                tokens.forget(id)
                return .empty
            },
        ]
    }

    private static let longestName = 128
    private static let longestLife: Int64 = 10 * 365 * 86_400

    private func createToken(_ call: Call) async throws(BerthError) -> Answer {
        let name = try call.body.string("name")
        guard (1...Self.longestName).contains(name.unicodeScalars.count),
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw BerthError(
                .invalidArgument, "“name” must have 1 to \(Self.longestName) characters and no control characters.")
        }
        let scope = try call.body.choice("scope", of: TokenScope.self)
        var expiresAt: Date?
        if let seconds = try call.body.optionalInteger("ttl_seconds") {
            guard (1...Self.longestLife).contains(seconds) else {
                throw BerthError(.invalidArgument, "“ttl_seconds” must be from 1 to \(Self.longestLife).")
            }
            expiresAt = now().addingTimeInterval(Double(seconds))
        }
        var database: DatabaseID?
        if let text = try call.body.optionalString("database") {
            database = try await fleet.catalogue.database(named: try DatabaseName(text)).record.id
        }
        let secret = TokenSecret.generate()
        let record = try await fleet.catalogue.createToken(
            secret, name: name, scope: scope, database: database, expiresAt: expiresAt)
        return try .json(NewTokenResource(token: TokenResource(record), secret: secret.text), status: .created)
    }
}
