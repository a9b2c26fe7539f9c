import AsyncHTTPClient
import FleetModel
import FleetStore
import Foundation
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// Asks nodes how far their shipping is behind. One request per node, however many databases are asked about.
struct ShipLagReader: Sendable {
    static let path = "/_berth/ship-lag"
    private static let timeout: TimeAmount = .milliseconds(500)
    private static let replyLimit = 64 << 20
    let logger: Logger

    /// - Returns: the lag of each database whose leader answered; zero for those it did not name.
    func read(_ databases: [DatabaseStatus]) async -> [DatabaseID: Duration] {
        let byLeader = Dictionary(grouping: databases.filter { $0.leaderAddress != nil }, by: { $0.leaderAddress ?? "" })
        return await withTaskGroup(of: [DatabaseID: Duration].self) { group in
            for (address, led) in byLeader {
                group.addTask {
                    guard let lags = await ask(address) else { return [:] }
                    return Dictionary(
                        uniqueKeysWithValues: led.map { ($0.record.id, .milliseconds(lags[$0.record.id.description] ?? 0)) })
                }
            }
            return await group.reduce(into: [:]) { $0.merge($1) { _, new in new } }
        }
    }

    private func ask(_ address: String) async -> [String: Int64]? {
        do {
            let request = HTTPClientRequest(url: address + Self.path)
            let response = try await HTTPClient.shared.execute(request, timeout: Self.timeout)
            guard response.status == .ok else { return nil }
            let body = try await response.body.collect(upTo: Self.replyLimit)
            return try JSONDecoder().decode([String: Int64].self, from: Data(buffer: body))
        } catch {
            logger.debug("ship lag not read", metadata: ["node": "\(address)", "error": "\(error)"])
            return nil
        }
    }
}
