import ArgumentParser
import Door
import FleetModel
import FleetStore
import Foundation
import Gateway
import Leases
import Testing

@testable import berth

/// Settings that must fit those of the fleet, and each other.
@Suite struct FleetMembershipTests {
    private let fleet = FleetSettings(leaseTTL: .seconds(5), writeFormat: 1)

    private func settings(_ arguments: String...) async throws -> RoleSettings { try await RoleSettings(try RoleOptions.parse(arguments)) }

    @Test func aProcessThatWasToldAnotherTTLIsRefused() async throws {
        let error = try await #require(throws: BerthError.self) {
            try FleetMembership.compare(try await settings("--lease-ttl-ms", "12000"), with: fleet)
        }
        #expect(error.code == .fleetSettingDiffers)
        #expect(error.message.contains("5000") && error.message.contains("berth fleet set --lease-ttl-ms 12000"))
    }

    @Test func aProcessThatWasToldTheSameOrNothingIsNot() async throws {
        try FleetMembership.compare(try await settings("--lease-ttl-ms", "5000"), with: fleet)
        try FleetMembership.compare(try await settings(), with: fleet)
    }

    @Test(arguments: [
        ["ship-interval-ms": 5000], ["max-ship-lag-ms": 100], ["ship-interval-ms": 400, "publish-timeout-ms": 400],
        ["cursor-piece-bytes": 8192, "response-bytes": 4096], ["group-response-bytes": 1 << 20, "response-bytes": 1 << 19],
    ])
    func aNodesSettingsMustFitEachOther(given: [String: Int]) async throws {
        let settings = try await settings(given)
        let error = try #require(throws: BerthError.self) { try settings.worker() }
        #expect(error.code == .configurationInvalid)
        #expect(given.keys.contains { error.message.contains($0) }, "\(error)")
    }

    @Test(arguments: [
        ["connections": 100, "connections-per-address": 101], ["head-timeout-ms": 40_000, "connection-idle-ms": 39_999],
        ["body-bytes": 8_193, "body-bytes-per-database": 8_192],
        ["body-bytes-per-database": 64 << 20, "body-bytes-in-flight": (64 << 20) - 1],
        ["response-bytes": 8 << 20, "answer-bytes-in-flight": (8 << 20) - 1], ["connections": 700],
    ])
    func theSettingsOfADoorMustFitEachOther(given: [String: Int]) async throws {
        let settings = try await settings(given)
        let error = try #require(throws: BerthError.self) { try settings.gateway(otherDescriptors: 500, of: 1_200) }
        #expect(error.code == .configurationInvalid)
        #expect(given.keys.contains { error.message.contains($0) }, "\(error)")
    }

    @Test(arguments: [64, 1_024, 1_048_576]) func aDoorFitsWhatItsProcessMayOpen(descriptors: Int) async throws {
        let door = try await settings().gateway(otherDescriptors: descriptors / 2, of: descriptors).door
        #expect(door.connections == min(16_384, max(64, descriptors / 4)) && door.connectionsPerAddress <= door.connections)
        // Larger bodies make room for themselves.
        let limits = try await settings(["body-bytes": 1 << 30]).gateway(of: descriptors)
        #expect(limits.bodyBytesPerDatabase == 1 << 30 && limits.bodiesInFlight == 1 << 30)
    }

    @Test(arguments: [["manager-poll-ms": 5000], ["handover-timeout-ms": 9000, "move-timeout-ms": 8999]])
    func aManagersSettingsMustFitEachOther(given: [String: Int]) async throws {
        let settings = try await settings(given)
        #expect(throws: BerthError.self) { try settings.manager(LeaseTiming(ttl: .seconds(5))) }
    }

    @Test func theDefaultsFit() async throws {
        _ = try await settings().worker()
        for ttl in FleetSettings.leaseTTLMilliseconds.lowerBound...2_000 where ttl % 100 == 0 {
            _ = try await settings().manager(LeaseTiming(ttl: .milliseconds(ttl)))
        }
    }

    private func settings(_ values: [String: Int]) async throws -> RoleSettings {
        let path = NSTemporaryDirectory() + "berth-relations-\(UUID().uuidString).json"
        try JSONEncoder().encode(values).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await settings("--config", path)
    }
}
