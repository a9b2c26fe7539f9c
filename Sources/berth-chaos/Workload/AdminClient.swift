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

    /// All attempts have one `Idempotency-Key`: a manager whose answer was lost may have done it.
    ///
    /// - Parameter hasKey: where none is taken, one that was done without an answer may be done again.
    /// - Throws: when no manager answers.
    func post(_ path: String, _ fields: [String: String], hasKey: Bool = true) async throws -> Answer {
        let key = UUID().uuidString
        var last: any Error = ChaosError("there is no manager")
        for manager in fleet.settings.topology.managers.shuffled() {
            var request = HTTPClientRequest(url: fleet.addresses.direct(manager) + path)
            request.method = .POST
            request.headers = ["authorization": "Bearer \(fleet.token)", "content-type": "application/json"]
            if hasKey { request.headers.add(name: "idempotency-key", value: key) }
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

    /// - Returns: its id.
    @discardableResult
    func create(_ database: TestedDatabase) async throws -> String {
        struct Created: Decodable { var id: String }
        let fields = ["name": database.name, "engine": database.engine, "durability": database.durability]
        let answer = try await post("/v1/databases", fields)
        guard answer.status == 201 else { throw ChaosError("\(database.name) was not created: \(answer.status) \(answer.body)") }
        return try JSONDecoder().decode(Created.self, from: Data(answer.body.utf8)).id
    }
}
