import BerthTestKit
import FleetModel
import FleetStore
import Foundation
import Testing

/// Tokens and idempotency keys.
@Suite(.timeLimit(.minutes(2)))
struct AccessCatalogueTests {
    @Test func aTokenIsFoundByItsSecretAlone() async throws {
        let stage = try await CatalogueStage()
        try await stage.node("node-1")
        let database = try await stage.makeDatabase("shop", on: "node-1")
        let (secret, other) = (TokenSecret.generate(), TokenSecret.generate())
        #expect(secret != other && secret.text.hasPrefix("berth_") && secret.text.count == 6 + 43)
        let expiry = Date(timeIntervalSince1970: 2_000_000_000.5)
        let created = try await stage.catalogue.createToken(
            secret, name: "ci", scope: .operate, database: database, expiresAt: expiry)
        #expect(created.name == "ci" && created.scope == .operate && created.database == database)
        #expect(created.databaseName?.description == "shop" && created.expiresAt == expiry && created.revokedAt == nil)
        #expect(try await stage.catalogue.token(secret: secret) == created)
        #expect(try await stage.catalogue.token(secret: TokenSecret(secret.text)) == created)
        for wrong in [other, TokenSecret(""), TokenSecret(secret.text + "x"), TokenSecret(secret.text.uppercased())] {
            #expect(try await stage.catalogue.token(secret: wrong) == nil)
        }
        // Nowhere in the table.
        let stored = try await stage.database.connection().query("select t::text as row from tokens t")
        #expect(try !stored[0].string("row").contains(secret.text))
        // A secret is of one token.
        await #expect(throws: BerthError.self) {
            try await stage.catalogue.createToken(secret, name: "again", scope: .read)
        }
    }

    @Test func revokingIsRememberedOnce() async throws {
        let stage = try await CatalogueStage()
        let secret = TokenSecret.generate()
        let token = try await stage.catalogue.createToken(secret, name: "a", scope: .admin)
        _ = try await stage.catalogue.createToken(.generate(), name: "b", scope: .read)
        #expect(try await stage.catalogue.tokens().map(\.name) == ["a", "b"])
        try await stage.catalogue.revokeToken(token.id)
        let revoked = try #require(try await stage.catalogue.token(secret: secret)?.revokedAt)
        try await stage.catalogue.revokeToken(token.id)
        #expect(try await stage.catalogue.token(secret: secret)?.revokedAt == revoked)
        #expect(try await stage.catalogue.tokens().map { $0.revokedAt != nil } == [true, false])
        #expect(try await berthErrorCode { try await stage.catalogue.revokeToken(.random()) } == .tokenNotFound)
    }

    @Test func scopesIncludeTheOnesBefore() {
        #expect(TokenScope.allCases.sorted() == [.read, .operate, .admin])
        #expect(TokenScope.read < .operate && TokenScope.operate < .admin && !(TokenScope.admin < .read))
    }

    @Test func aKeyIsAnsweredOnce() async throws {
        let stage = try await CatalogueStage()
        let (token, fingerprint) = (TokenID.random(), [UInt8](0..<32))
        func claim(_ key: String = "k", by: TokenID? = nil, _ print: [UInt8]? = nil) async throws -> IdempotencyClaim {
            try await stage.catalogue.claim(idempotencyKey: key, token: by ?? token, fingerprint: print ?? fingerprint)
        }
        #expect(try await claim() == .first)
        #expect(try await claim() == .unfinished)
        #expect(try await claim("k", [1]) == .reused)
        #expect(try await claim("k", by: .random()) == .first)
        #expect(try await claim("other") == .first)
        try await stage.catalogue.answer(idempotencyKey: "k", token: token, status: 201, body: [0, 255, 7])
        #expect(try await claim() == .answered(status: 201, body: [0, 255, 7]))
        #expect(try await claim("k", [1]) == .reused)
        // An answer is not given back, a claim is.
        try await stage.catalogue.abandon(idempotencyKey: "k", token: token)
        #expect(try await claim() == .answered(status: 201, body: [0, 255, 7]))
        try await stage.catalogue.abandon(idempotencyKey: "other", token: token)
        #expect(try await claim("other") == .first)
    }

    @Test func ofManyClaimsOneIsTheFirst() async throws {
        let stage = try await CatalogueStage(connections: 8)
        let token = TokenID.random()
        for round in 0..<10 {
            let claims = try await withThrowingTaskGroup(of: IdempotencyClaim.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        try await stage.catalogue.claim(idempotencyKey: "k\(round)", token: token, fingerprint: [9])
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(claims.count { $0 == .first } == 1)
            #expect(claims.count { $0 == .unfinished } == 11)
        }
    }

    @Test func oldKeysAreForgotten() async throws {
        let stage = try await CatalogueStage()
        let token = TokenID.random()
        for key in ["old", "new"] {
            _ = try await stage.catalogue.claim(idempotencyKey: key, token: token, fingerprint: [1])
            try await stage.catalogue.answer(idempotencyKey: key, token: token, status: 200, body: [])
        }
        try await stage.database.connection().script(
            "update idempotency_keys set created_at = now() - interval '25 hours' where key = 'old'")
        try await stage.catalogue.forgetIdempotencyKeys(olderThanHours: 24)
        #expect(try await stage.catalogue.claim(idempotencyKey: "old", token: token, fingerprint: [2]) == .first)
        #expect(try await stage.catalogue.claim(idempotencyKey: "new", token: token, fingerprint: [1]) == .answered(status: 200, body: []))
    }
}
