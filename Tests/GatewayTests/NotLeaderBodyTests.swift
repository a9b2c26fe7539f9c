import FleetModel
import Routing
import Testing

@testable import Gateway

struct NotLeaderBodyTests {
    @Test func whatIsSentIsUnderstood() throws {
        let error = BerthError(.notLeader, "“shop” moved")
        for hint in [
            NotLeaderHint(leader: try NodeName("node-2"), address: "http://10.0.0.2:8080", epoch: Epoch(41)),
            NotLeaderHint(epoch: .zero),
        ] {
            let decoded = try #require(NotLeaderBody.decode(NotLeaderBody.encode(error, hint: hint)))
            #expect(decoded.code == .notLeader && decoded.hint == hint)
        }
    }

    @Test func whatIsNotFromBerthIsNotBelieved() {
        for text in ["", "busy", "[]", #"{"code":"nonsense"}"#, #"{"code":7}"#, #"{"code":"not_leader"} x"#, #"{"epoch":1}"#] {
            #expect(NotLeaderBody.decode(Array(text.utf8)) == nil)
        }
        #expect(NotLeaderBody.decode(Array(#"{"code":"not_leader"}"#.utf8))?.hint == nil)
    }
}
