import Foundation
import Hrana
import Routing
import Testing

/// Sends requests as they are written, and reads answers without expecting a shape.
struct RawClient {
    let client: DataClient

    func pipeline(
        version: HranaVersion = .three, baton: String? = nil, _ requests: String
    ) async throws -> (status: Int, answer: RawJSON) {
        let reply = try await client.call(.pipeline(version), #"{"baton":\#(json(baton)),"requests":[\#(requests)]}"#)
        return (reply.status, try RawJSON(reply.body))
    }

    func execute(_ statements: String...) async throws -> (status: Int, answer: RawJSON) {
        try await pipeline(statements.map { #"{"type":"execute","stmt":{"sql":\#(json($0))}}"# }.joined(separator: ",") + #",{"type":"close"}"#)
    }

    /// Runs what has to succeed.
    func prepare(_ statements: String...) async throws {
        for statement in statements {
            let answer = try await execute(statement).answer
            try #require(answer["results"][0]["type"] == "ok", "\(statement): \(answer)")
        }
    }

    func count(_ table: String) async throws -> String? {
        try await execute("SELECT count(*) FROM \(table)").answer["results"][0]["response"]["result"]["rows"][0][0]["value"].text
    }

    func batch(_ steps: (condition: String?, sql: String)...) async throws -> (status: Int, answer: RawJSON) {
        try await pipeline(#"{"type":"batch","batch":\#(Self.steps(steps))},{"type":"close"}"#)
    }

    /// Every line of a cursor's answer.
    func cursor(_ steps: (condition: String?, sql: String)...) async throws -> [RawJSON] {
        let reply = try await client.call(.cursor, #"{"baton":null,"batch":\#(Self.steps(steps))}"#)
        try #require(reply.status == 200)
        var body = reply.body
        while let piece = try await reply.rest?.next() { body += piece }
        return try body.split(separator: UInt8(ascii: "\n")).map { try RawJSON(Array($0)) }
    }

    private static func steps(_ steps: [(condition: String?, sql: String)]) -> String {
        let list = steps.map { #"{"stmt":{"sql":\#(json($0.sql))}\#($0.condition.map { #","condition":\#($0)"# } ?? "")}"# }
        return #"{"steps":[\#(list.joined(separator: ","))]}"#
    }
}

/// Any JSON. What is not there reads as null.
enum RawJSON: Hashable, Decodable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    case null, bool(Bool), number(Double), text(String), array([RawJSON]), object([String: RawJSON])

    init(_ bytes: [UInt8]) throws { self = try JSONDecoder().decode(RawJSON.self, from: Data(bytes)) }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() { self = .null }
        else if let value = try? container.decode(Bool.self) { self = .bool(value) }
        else if let value = try? container.decode(Double.self) { self = .number(value) }
        else if let value = try? container.decode(String.self) { self = .text(value) }
        else if let value = try? container.decode([RawJSON].self) { self = .array(value) }
        else { self = .object(try container.decode([String: RawJSON].self)) }
    }

    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: RawJSON...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, RawJSON)...) { self = .object(Dictionary(elements) { first, _ in first }) }

    subscript(_ key: String) -> RawJSON { if case .object(let members) = self { members[key] ?? .null } else { .null } }
    subscript(_ index: Int) -> RawJSON { if case .array(let list) = self, list.indices.contains(index) { list[index] } else { .null } }
    var count: Int { if case .array(let list) = self { list.count } else { 0 } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
}
