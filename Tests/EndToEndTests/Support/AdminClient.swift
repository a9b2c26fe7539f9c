import BerthTestKit
import Foundation
import NIOCore
import NIOHTTP1

/// The REST API of a fleet.
struct AdminClient: Sendable {
    let url: String
    let token: String?

    struct Refused: Error, CustomStringConvertible {
        let request: String
        let reply: HTTPReply

        var description: String { "\(request): \(reply)" }
    }

    /// Sends and returns whatever is answered.
    func send(
        _ method: HTTPMethod, _ path: String, _ body: JSON? = nil, headers: [(String, String)] = []
    ) async throws -> HTTPReply {
        var headers = headers
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        if body != nil { headers.append(("Content-Type", "application/json")) }
        return try await HTTP.send(
            method, url + path, headers: headers, body: try body?.encoded(), timeout: .seconds(70))
    }

    /// Sends and returns the body of a successful answer.
    ///
    /// - Throws: `Refused`.
    @discardableResult
    func call(_ method: HTTPMethod, _ path: String, _ body: JSON? = nil) async throws -> JSON {
        let reply = try await send(method, path, body)
        guard (200..<300).contains(reply.status) else { throw Refused(request: "\(method) \(path)", reply: reply) }
        return reply.body.isEmpty ? .null : try reply.json()
    }

    @discardableResult
    func createDatabase(_ name: String, engine: String = "sqlite", durability: String = "local") async throws -> JSON {
        try await call(
            .POST, "/v1/databases", ["name": .string(name), "engine": .string(engine), "durability": .string(durability)])
    }

    func database(_ name: String) async throws -> JSON { try await call(.GET, "/v1/databases/\(name)") }

    func leader(of name: String) async throws -> String? { try await database(name)["leader"]?.string }

    /// Waits until a node leads.
    func waitForLeader(of name: String) async throws -> String {
        try await eventually("somebody leads \(name)") { try await leader(of: name) }
    }

    func node(_ name: String) async throws -> JSON { try await call(.GET, "/v1/nodes/\(name)") }

    /// Names of all databases, in order.
    func databaseNames(prefix: String = "") async throws -> [String] {
        var names: [String] = []
        var cursor: String?
        repeat {
            let page = try await call(
                .GET, "/v1/databases?limit=1000&prefix=\(prefix)" + (cursor.map { "&cursor=\($0)" } ?? ""))
            names += page["databases"]?.array?.compactMap { $0["name"]?.string } ?? []
            cursor = page["next_cursor"]?.string
        } while cursor != nil
        return names
    }

    /// Names of the databases a node leads.
    func led(by node: String) async throws -> [String] {
        let page = try await call(.GET, "/v1/nodes/\(node)/databases?limit=1000")
        return page["databases"]?.array?.compactMap { $0["name"]?.string } ?? []
    }

    /// Begins an operation and returns its identifier.
    func begin(_ path: String, _ body: JSON? = nil) async throws -> String {
        let operation = try await call(.POST, path, body)
        guard let id = operation["id"]?.string else { throw TookTooLong(description: "no operation: \(operation)") }
        return id
    }

    func operation(_ id: String) async throws -> JSON { try await call(.GET, "/v1/operations/\(id)") }

    /// Waits until an operation is finished, whatever the outcome.
    func finished(_ id: String, within patience: Duration = .seconds(60)) async throws -> JSON {
        try await eventually("operation \(id) is finished", within: patience) {
            let operation = try await call(.GET, "/v1/operations/\(id)?wait=5")
            return operation["finished_at"]?.isNull == false ? operation : nil
        }
    }

}

extension TestFleet {
    /// Waits until every node has a live session and answers.
    func waitForAllNodes() async throws {
        let admin = try admin(), nodes = try description().nodes
        for node in nodes {
            try await eventually("\(node.name) is alive and ready", within: .seconds(60)) {
                let isAlive = try await admin.node(node.name)["alive"]?.bool == true
                return try await HTTP.send(.GET, node.url + "/readyz").status == 200 && isAlive ? () : nil
            }
        }
    }

    /// The REST API, with the fleet's admin token.
    func admin() throws -> AdminClient {
        let description = try description()
        return AdminClient(url: description.manager, token: description.token)
    }
}
