import FleetModel
import Hrana
import Testing

@Suite struct BearerTokenTests {
    @Test(arguments: [
        (nil, nil), ("", nil), ("Bearer", nil), ("Bearer ", nil), ("Bearer None", nil), ("Bearer a.b.c", "a.b.c"),
        ("bearer  a.b.c ", "a.b.c"), ("BEARER NoneSuch", "NoneSuch"),
    ] as [(String?, String?)])
    func findsTheToken(_ authorization: String?, _ expected: String?) throws {
        #expect(try BearerToken.parse(authorization: authorization) == expected)
    }

    @Test(arguments: ["Basic dXNlcjpwYXNz", "a.b.c", "Bearer a b", "Bearera.b.c", "None"])
    func refusesOtherSchemes(_ authorization: String) {
        let error = #expect(throws: BerthError.self) { try BearerToken.parse(authorization: authorization) }
        #expect(error?.code == .tokenInvalid)
    }
}
