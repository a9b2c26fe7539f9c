import FleetModel
import Hrana
import Testing

@Suite struct DatabaseNamingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var namespace: String?
        var path = "/v2"
        var host: String?
        var suffix: String?
        var name: String?
        var remaining = "/v2"

        var testDescription: String { "\(namespace ?? "–") \(path) \(host ?? "–") \(suffix ?? "–")" }
    }

    @Test(arguments: [
        // Nothing names a database.
        Case(host: nil, name: nil), Case(host: "", name: nil), Case(host: "127.0.0.1:8080", name: nil),
        Case(host: "127.0.0.1", name: nil), Case(host: "127.0.0.1.", name: nil), Case(host: "10.0.0.0x1", name: nil),
        Case(host: "[::1]:80", name: nil), Case(host: "[::1]", name: nil), Case(host: "::1", name: nil),
        Case(host: "[::ffff:1.2.3.4]:80", name: nil), Case(host: "localhost", name: nil),
        Case(host: "localhost:8080", name: nil), Case(host: "berth", name: nil), Case(host: "berth.example", name: nil),
        Case(host: "a..berth.example", name: nil), Case(host: "sh op.berth.example", name: nil),
        Case(host: "shop.berth.example:port", name: nil), Case(path: "/db", host: nil, name: nil, remaining: "/db"),
        Case(path: "/dbx/shop/v2", host: nil, name: nil, remaining: "/dbx/shop/v2"),
        // The host.
        Case(host: "shop.berth.example", name: "shop"), Case(host: "shop.berth.example:8080", name: "shop"),
        Case(host: "SHOP.Berth.Example.", name: "shop"), Case(host: "shop.localhost", name: "shop"),
        Case(host: "shop.localhost:8080", name: "shop"), Case(host: "127.berth.example", name: "127"),
        // The host with a suffix.
        Case(host: "shop.db.example.com:443", suffix: "db.example.com", name: "shop"),
        Case(host: "shop.DB.example.com", suffix: ".db.Example.com.", name: "shop"),
        Case(host: "db.example.com", suffix: "db.example.com", name: nil),
        Case(host: "shop.xdb.example.com", suffix: "db.example.com", name: nil),
        Case(host: "shop.other.example.com", suffix: "db.example.com", name: nil),
        Case(host: "shop.localhost", suffix: "db.example.com", name: nil),
        Case(host: "shop.internal", suffix: "internal", name: "shop"),
        Case(host: "127.0.0.1", suffix: "0.1", name: nil),
        // The path, before the host.
        Case(path: "/db/shop", host: "other.berth.example", name: "shop", remaining: "/"),
        Case(path: "/db/shop/", host: "127.0.0.1:8080", name: "shop", remaining: "/"),
        Case(path: "/db/shop/v2/pipeline", name: "shop", remaining: "/v2/pipeline"),
        Case(path: "/db/shop/v2/", name: "shop", remaining: "/v2/"),
        Case(path: "/db/shop/v1/execute?x=/y", name: "shop", remaining: "/v1/execute"),
        Case(path: "/db/shop?x", name: "shop", remaining: "/"),
        Case(path: "/db/sh%6Fp/v2", name: "shop"),
        // The header, before both.
        Case(namespace: "shop", path: "/db/other/v2", host: "third.berth.example", name: "shop"),
        Case(namespace: "shop", path: "/v2", host: "127.0.0.1", name: "shop"),
        Case(namespace: "shop", path: "", name: "shop", remaining: "/"),
        Case(namespace: "", path: "/db/other/v2", name: "other"),
    ])
    func namesTheDatabase(_ example: Case) throws {
        let naming = DatabaseNaming(hostSuffix: example.suffix)
        let resolved = try naming.resolve(namespace: example.namespace, path: example.path, host: example.host)
        #expect(resolved?.name.description == example.name)
        if let resolved { #expect(resolved.remainingPath == example.remaining) }
    }

    @Test(arguments: [
        Case(path: "/db/"), Case(path: "/db//v2"), Case(path: "/db/%"), Case(path: "/db/%4/v2"), Case(path: "/db/%zz/v2"),
        Case(path: "/db/%FF/v2"), Case(path: "/db/a%2Fb/v2"), Case(path: "/db/Shop/v2"), Case(path: "/db/-a/v2"),
        Case(path: "/db/\u{301}shop/v2"), Case(path: "/db/shop%00/v2"),
        Case(path: "/db/" + String(repeating: "a", count: 64)),
        Case(namespace: "Not A Name", path: "/db/shop/v2", host: "shop.berth.example"),
        Case(namespace: "a/b"), Case(host: "-shop.berth.example"), Case(host: "my_shop.berth.example"),
    ])
    func refusesWhatIsNoName(_ example: Case) {
        // A good name further down the order is not a way out.
        let error = #expect(throws: BerthError.self) {
            try DatabaseNaming().resolve(
                namespace: example.namespace, path: example.path, host: example.host ?? "other.berth.example")
        }
        #expect(error?.code == .invalidDatabaseName)
    }
}
