import FleetModel
import FleetStore
import HTTPTypes
import Hummingbird
import Logging

extension AdminAPI {
    var fleetEndpoints: [Endpoint] {
        [
            Endpoint(method: .get, path: "/v1/fleet", access: .token(.read, reach: .fleet)) { _ async throws(BerthError) in
                try .json(FleetResource(try await fleet.catalogue.fleetStatus()))
            },
            Endpoint(
                method: .post, path: "/v1/fleet", access: .token(.admin, reach: .fleet),
                body: .object(["lease_ttl_ms", "write_format"])
            ) { call async throws(BerthError) in try await setFleet(call) },
        ]
    }

    private func setFleet(_ call: Call) async throws(BerthError) -> Answer {
        let ttl = try call.body.optionalInteger("lease_ttl_ms"), format = try call.body.optionalInteger("write_format")
        guard ttl != nil || format != nil else {
            throw BerthError(.malformedRequest, "Nothing is to be changed: give “$.lease_ttl_ms”, “$.write_format” or both.")
        }
        let range = FleetSettings.leaseTTLMilliseconds
        if let ttl, !range.contains(ttl) {
            throw BerthError(.invalidArgument, "“$.lease_ttl_ms” must be from \(range.lowerBound) to \(range.upperBound).")
        }
        if let format, !(1...Int64(Int32.max)).contains(format) {
            throw BerthError(.invalidArgument, "“$.write_format” must be a number from 1 on.")
        }
        let (before, after) = try await fleet.catalogue.setFleet(
            leaseTTL: ttl.map { .milliseconds($0) }, writeFormat: format.map { Int($0) })
        // Who changed what the whole fleet goes by is looked for in the log.
        logger.notice(
            "fleet settings changed",
            metadata: [
                "token": "\(call.caller?.token.name ?? "")", "lease_ttl_ms": "\(before.leaseTTL.milliseconds) -> \(after.leaseTTL.milliseconds)",
                "write_format": "\(before.writeFormat) -> \(after.writeFormat)",
            ])
        return try .json(FleetResource(try await fleet.catalogue.fleetStatus()))
    }
}
