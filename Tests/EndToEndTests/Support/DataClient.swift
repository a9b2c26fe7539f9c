import BerthTestKit
import Foundation
import NIOCore
import NIOHTTP1

/// The data protocol, as a client without a library speaks it.
struct DataClient: Sendable {
    /// Of any node, or of a gateway on its own.
    let url: String
    let database: String
    let token: String?

    /// An error the server answered with.
    struct Refused: Error, CustomStringConvertible {
        let status: Int
        let code: String
        let message: String

        var description: String { "\(status) \(code): \(message)" }
    }

    func post(_ path: String, _ body: JSON, timeout: TimeAmount = .seconds(40)) async throws -> HTTPReply {
        var headers = [("Content-Type", "application/json")]
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        return try await HTTP.send(
            .POST, "\(url)/db/\(database)\(path)", headers: headers, body: try body.encoded(), timeout: timeout)
    }

    /// Sends requests in one pipeline and returns its results.
    ///
    /// - Throws: `Refused` when the pipeline as a whole was.
    func pipeline(
        _ requests: [JSON], baton: String? = nil, timeout: TimeAmount = .seconds(40)
    ) async throws -> (results: [JSON], baton: String?) {
        let reply = try await post(
            "/v2/pipeline", ["baton": baton.map { .string($0) } ?? .null, "requests": .array(requests)], timeout: timeout)
        let body = try? reply.json()
        guard reply.status == 200, let results = body?["results"]?.array else {
            throw Refused(
                status: reply.status, code: body?["code"]?.string ?? "-", message: body?["message"]?.string ?? reply.text)
        }
        return (results, body?["baton"]?.string)
    }

    /// Executes one statement outside a transaction.
    ///
    /// - Returns: its result, with `cols`, `rows` and so on.
    /// - Throws: `Refused`, also when the statement failed.
    @discardableResult
    func execute(_ sql: String, _ arguments: [JSON] = [], timeout: TimeAmount = .seconds(40)) async throws -> JSON {
        let (results, _) = try await pipeline([Self.execute(sql, arguments), ["type": "close"]], timeout: timeout)
        if let error = results[0]["error"] {
            throw Refused(status: 200, code: error["code"]?.string ?? "-", message: error["message"]?.string ?? "-")
        }
        guard let result = results[0]["response"]?["result"] else {
            throw Refused(status: 200, code: "-", message: "no result: \(results)")
        }
        return result
    }

    /// The rows of a query, every value as it came.
    func rows(_ sql: String, _ arguments: [JSON] = []) async throws -> [[JSON]] {
        try await execute(sql, arguments)["rows"]?.array?.map { $0.array ?? [] } ?? []
    }

    static func execute(_ sql: String, _ arguments: [JSON] = []) -> JSON {
        ["type": "execute", "stmt": ["sql": .string(sql), "args": .array(arguments)]]
    }
}

/// Values as the data protocol writes them.
extension JSON {
    static func sqlText(_ value: String) -> JSON { ["type": "text", "value": .string(value)] }
    static func sqlInteger(_ value: Int64) -> JSON { ["type": "integer", "value": .string(String(value))] }
    static let sqlNull: JSON = ["type": "null"]

    /// The value of a cell with text or an integer in it.
    var cell: String? { self["value"]?.string }
}

extension TestFleet {
    /// A client of `database` through the node of this name.
    func client(_ database: String, through node: String? = nil) throws -> DataClient {
        let description = try description()
        let url = try node.map { try self.node($0).url } ?? description.gateway
        return DataClient(url: url, database: database, token: description.token)
    }
}
