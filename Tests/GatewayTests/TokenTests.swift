import BerthTestKit
import FleetModel
import FleetStore
import NIOHTTP1
import Routing
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1)))
struct TokenTests {
    @Test func onlyGoodTokensAreLetIn() async throws {
        let tokens = FakeTokens([
            "good": TokenGrant(scope: .operate), "reader": TokenGrant(scope: .read),
            "revoked": TokenGrant(scope: .admin, isRevoked: true),
            "expired": TokenGrant(scope: .admin, expiresAt: 1_000), "lasting": TokenGrant(scope: .admin, expiresAt: 1_001),
        ])
        let local = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: local, tokens: tokens, wallClock: 1_000) { gateway in
            for (token, status, code) in [
                (nil, 401, "token_missing"), ("None", 401, "token_missing"), ("unheard-of", 401, "token_invalid"),
                ("revoked", 401, "token_invalid"), ("expired", 401, "token_expired"),
            ] as [(String?, Int, String)] {
                let answer = try await gateway.send(token: token)
                #expect(answer.status == status && answer["code"] == code)
                #expect(answer.headers.first(name: "www-authenticate")?.hasPrefix("Bearer ") == true)
            }
            #expect(local.calls.isEmpty)
            for (token, access) in [("good", DataAccess.readWrite), ("lasting", .readWrite), ("reader", .readOnly)] {
                #expect(try await gateway.send(token: token).status == 200)
                #expect(local.calls.last?.access == access)
            }
            #expect(Set(local.calls.map(\.tokenDigest)).count == 3)
        }
    }

    @Test func aTokenOfOneDatabaseIsGoodForThatOneOnly() async throws {
        let other = DatabaseID.random()
        let tokens = FakeTokens([
            "mine": TokenGrant(scope: .operate, database: fakeID, databaseName: try DatabaseName("shop")),
            // Its database was deleted; another one bears the name now.
            "former": TokenGrant(scope: .operate, database: other, databaseName: try DatabaseName("shop")),
            "orphan": TokenGrant(scope: .operate, database: other, databaseName: nil),
        ])
        let source = FakeRoutes()
        try source.set("shop", epoch: 1, port: nil)
        try await withGateway(local: try FakeDatabases(leading: ["shop", "bank"]), source: source, tokens: tokens) { gateway in
            #expect(try await gateway.send(token: "mine").status == 200)
            for (token, path) in [("mine", "/db/bank/v2/pipeline"), ("former", "/db/shop/v2/pipeline"), ("orphan", "/db/shop/v2/pipeline")] {
                let answer = try await gateway.send(.POST, path, token: token)
                #expect(answer.status == 403 && answer["code"] == "scope_insufficient")
            }
        }
    }

    @Test func aNewDatabaseOfTheSameNameIsFoundByItsToken() async throws {
        let new = DatabaseID.random()
        let source = FakeRoutes()
        try source.set("shop", epoch: 7, port: nil)
        let tokens = FakeTokens(["new": TokenGrant(scope: .read, database: new, databaseName: try DatabaseName("shop"))])
        let clock = ManualClock()
        try await withGateway(local: try FakeDatabases(leading: ["shop"]), source: source, tokens: tokens, clock: clock) { gateway in
            #expect(try await gateway.send(token: "new").status == 403)
            try source.set("shop", id: new, epoch: 1, port: nil)
            clock.advance(by: .seconds(2))
            #expect(try await gateway.send(token: "new").status == 200)
        }
    }

    @Test func aTokenThatCannotBeCheckedIsNotLetIn() async throws {
        let tokens = FakeTokens()
        tokens.goAway()
        let local = try FakeDatabases(leading: ["shop"])
        try await withGateway(local: local, tokens: tokens) { gateway in
            let answer = try await gateway.send()
            #expect(answer.status == 503 && answer["code"] == "store_unavailable")
            #expect(local.calls.isEmpty)
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct TokenCacheTests {
    private let clock = ManualClock()
    private let tokens = FakeTokens()
    private let secret = TokenSecret("good")

    private func cache() -> TokenCache { TokenCache(source: tokens, clock: clock, limits: GatewayLimits()) }

    @Test func itIsFreshForFiveSeconds() async throws {
        let cache = cache()
        _ = try await cache.grant(for: secret, digest: secret.hash)
        tokens.set("good", TokenGrant(scope: .operate, isRevoked: true))
        clock.advance(by: .milliseconds(4_999))
        #expect(try await cache.grant(for: secret, digest: secret.hash)?.isRevoked == false)
        #expect(tokens.looks == 1)
        clock.advance(by: .milliseconds(1))
        #expect(try await cache.grant(for: secret, digest: secret.hash)?.isRevoked == true)
    }

    @Test func itIsBelievedForAMinuteWhileTheStoreIsAway() async throws {
        let cache = cache()
        _ = try await cache.grant(for: secret, digest: secret.hash)
        tokens.goAway()
        clock.advance(by: .seconds(30))
        for _ in 0..<10 { #expect(try await cache.grant(for: secret, digest: secret.hash) != nil) }
        // One attempt a second, not one a request.
        #expect(tokens.looks == 2)
        clock.advance(by: .seconds(30))
        await #expect(throws: BerthError.self) { try await cache.grant(for: secret, digest: secret.hash) }
        tokens.goAway(false)
        #expect(try await cache.grant(for: secret, digest: secret.hash) != nil)
    }

    @Test func unknownTokensAreRememberedButNotBelievedWithoutTheStore() async throws {
        let cache = cache()
        let bad = TokenSecret("bad")
        for _ in 0..<5 { #expect(try await cache.grant(for: bad, digest: bad.hash) == nil) }
        #expect(tokens.looks == 1)
        tokens.set("bad", TokenGrant(scope: .read))
        clock.advance(by: .seconds(5))
        #expect(try await cache.grant(for: bad, digest: bad.hash)?.scope == .read)
    }

    @Test func oneLookUpServesEverybody() async throws {
        let cache = cache()
        tokens.hold()
        let callers = (0..<20).map { _ in Task { try await cache.grant(for: secret, digest: secret.hash) } }
        await eventually { tokens.looks == 1 }
        tokens.letGo()
        for caller in callers { #expect(try await caller.value?.scope == .operate) }
        #expect(tokens.looks == 1)
    }
}
