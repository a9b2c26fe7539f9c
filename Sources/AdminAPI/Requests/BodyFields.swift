import FleetModel
import Foundation

/// The members of a request's JSON object; `null` counts as left out.
struct BodyFields: Sendable {
    private let members: [String: JSONValue]

    static let none = BodyFields(members: [:])

    private init(members: [String: JSONValue]) { self.members = members }

    /// - Parameter allowed: other members are refused, so that a misspelt one is not silently ignored.
    /// - Throws: `malformed_request`.
    init(json: [UInt8], allowed: Set<String>) throws(BerthError) {
        let value: JSONValue
        // Foundation would also read UTF-16 and UTF-32. JSON between programs is UTF-8, without a byte-order mark
        // (RFC 8259, 8.1), and has no zero bytes then.
        guard !json.contains(0), !json.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw BerthError(.malformedRequest, "The body is not valid JSON in UTF-8.")
        }
        do { value = try JSONDecoder().decode(JSONValue.self, from: Data(json)) } catch {
            throw BerthError(.malformedRequest, "The body is not valid JSON.")
        }
        guard case .object(let members) = value else {
            throw BerthError(.malformedRequest, "“$” must be an object, not \(value.kind).")
        }
        if let name = RepeatedMember.find(in: json) {
            throw BerthError(.malformedRequest, "“$.\(name.prefix(80))” is given twice.")
        }
        if let unknown = members.keys.filter({ !allowed.contains($0) }).min() {
            let known = allowed.isEmpty ? "The body has no members here." : "Known are: \(allowed.sorted().joined(separator: ", "))."
            throw BerthError(.malformedRequest, "“$.\(unknown.prefix(80))” is unknown. \(known)")
        }
        self.members = members
    }

    func string(_ name: String) throws(BerthError) -> String {
        guard let text = try optionalString(name) else {
            throw BerthError(.malformedRequest, "“$.\(name)” is missing.")
        }
        return text
    }

    func optionalString(_ name: String) throws(BerthError) -> String? {
        switch members[name] {
        case nil, .null?: return nil
        case .string(let text)?: return text
        case let other?: throw BerthError(.malformedRequest, "“$.\(name)” must be a string, not \(other.kind).")
        }
    }

    func optionalInteger(_ name: String) throws(BerthError) -> Int64? {
        switch members[name] {
        case nil, .null?: return nil
        case .integer(let value)?: return value
        case .number?: throw BerthError(.malformedRequest, "“$.\(name)” must be a whole number of 64 bits.")
        case let other?: throw BerthError(.malformedRequest, "“$.\(name)” must be an integer, not \(other.kind).")
        }
    }

    func optionalBool(_ name: String) throws(BerthError) -> Bool? {
        switch members[name] {
        case nil, .null?: return nil
        case .bool(let value)?: return value
        case let other?: throw BerthError(.malformedRequest, "“$.\(name)” must be true or false, not \(other.kind).")
        }
    }

    /// One of a few words.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, default fallback: Choice
    ) throws(BerthError) -> Choice where Choice.RawValue == String {
        guard let text = try optionalString(name) else { return fallback }
        return try Self.choice(of: text, named: name)
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, of: Choice.Type
    ) throws(BerthError) -> Choice where Choice.RawValue == String {
        try Self.choice(of: try string(name), named: name)
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        of text: String, named name: String
    ) throws(BerthError) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw BerthError(.invalidArgument, "“\(text.prefix(80))” is no \(name). Choose one of: \(known).")
        }
        return choice
    }
}
