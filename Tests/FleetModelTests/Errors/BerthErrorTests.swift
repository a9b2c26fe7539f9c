import FleetModel
import Testing

@Suite
struct BerthErrorTests {
    @Test func codesAreStableWords() {
        #expect(Set(BerthError.Code.allCases.map(\.rawValue)).count == BerthError.Code.allCases.count)
        for code in BerthError.Code.allCases {
            #expect(code.rawValue.allSatisfy { $0.isASCII && ($0.isLowercase || $0 == "_") })
            #expect((400..<600).contains(code.httpStatus))
        }
    }

    /// Whoever may try again is told when; nobody is told to repeat what may have happened.
    @Test func whatMayBeTriedAgainSaysSo() {
        #expect(BerthError(.storeUnavailable, "").retryAfter == 1)
        #expect(BerthError(.storeUnavailable, "", retryAfter: 7).retryAfter == 7)
        #expect(BerthError(.outcomeUnknown, "").retryAfter == nil)
        #expect(BerthError(.databaseExists, "").retryAfter == nil)
        for code in BerthError.Code.allCases where BerthError(code, "").retryAfter != nil {
            #expect([429, 503, 507].contains(code.httpStatus))
        }
        #expect(BerthError(.nodeDead, "Node “x” is not alive.").description == "node_dead: Node “x” is not alive.")
    }
}
