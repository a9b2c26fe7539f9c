import AsyncHTTPClient
import Chaos
import Foundation
import NIOCore
import NIOHTTP1

/// The REST API, through whichever manager answers.
struct AdminClient: Sendable {
    let fleet: ChaosFleet

    struct Answer: Sendable {
        var status: Int
        var body: String
    }

    /// - Throws: when no manager answers.
    func post(_ path: String, _ fields: [String: String]) async throws -> Answer {
        var last: any Error = ChaosError("there is no manager")
        for manager in fleet.settings.topology.managers.shuffled() {
            var request = HTTPClientRequest(url: fleet.addresses.direct(manager) + path)
            request.method = .POST
            request.headers = ["authorization": "Bearer \(fleet.token)", "content-type": "application/json"]
            request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(fields)))
            do {
                let response = try await fleet.http.execute(request, timeout: .seconds(5))
                let body = try await response.body.collect(upTo: 1 << 20)
                return Answer(status: Int(response.status.code), body: String(buffer: body))
            } catch {
                last = error
            }
        }
        throw last
    }

    /// - Parameter engine: left to the fleet when `nil`.
    func create(_ database: TestedDatabase, engine: String?) async throws {
        var fields = ["name": database.name, "durability": database.durability]
        if let engine { fields["engine"] = engine }
        let answer = try await post("/v1/databases", fields)
        guard answer.status == 201 else { throw ChaosError("\(database.name) was not created: \(answer.status) \(answer.body)") }
    }
}
