import AdminAPI
import FleetModel
import FleetStore
import HTTPTypes
import HummingbirdTesting
import Testing

@Suite struct FleetEndpointTests {
    @Test func showsAndChangesWhatAllHaveInCommon() async throws {
        try await AdminFleet.run { fleet in
            let before: FleetResource = try await fleet.call(.get, "/v1/fleet", as: .read).resource()
            #expect(before.leaseTtlMs == 5000 && before.writeFormat == 1 && before.readableFormat == 1)
            let after: FleetResource = try await fleet.call(.post, "/v1/fleet", json: #"{"lease_ttl_ms": 8000}"#).resource()
            #expect(after.leaseTtlMs == 8000 && after.writeFormat == 1)
            // Those that live keep theirs.
            #expect(after.sessionsOfAnotherTtl > 0)
            let shown: FleetResource = try await fleet.call(.get, "/v1/fleet").resource()
            #expect(shown == after)
        }
    }

    @Test(arguments: [
        ("{}", "400 malformed_request"), (#"{"lease_ttl_ms": 499}"#, "400 invalid_argument"), (#"{"lease_ttl_ms": "5000"}"#, "400 malformed_request"),
        (#"{"write_format": 0}"#, "400 invalid_argument"), (#"{"write_format": 4294967297}"#, "400 invalid_argument"),
        (#"{"write_format": 2}"#, "409 write_format_refused"), (#"{"ttl": 1}"#, "400 malformed_request"),
    ])
    func refusesWhatCannotBe(body: String, outcome: String) async throws {
        try await AdminFleet.run { fleet in
            #expect(try await fleet.call(.post, "/v1/fleet", json: body).outcome == outcome)
            let fleet: FleetResource = try await fleet.call(.get, "/v1/fleet").resource()
            #expect(fleet.leaseTtlMs == 5000 && fleet.writeFormat == 1)
        }
    }

    @Test func onlyAnAdministratorChangesIt() async throws {
        try await AdminFleet.run { fleet in
            let reply = try await fleet.call(.post, "/v1/fleet", json: #"{"lease_ttl_ms": 8000}"#, as: .operate)
            #expect(reply.outcome == "403 scope_insufficient")
        }
    }
}
