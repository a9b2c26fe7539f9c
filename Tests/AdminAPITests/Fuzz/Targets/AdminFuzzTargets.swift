import BerthTestKit
import FleetModel
import Foundation

@testable import AdminAPI

/// Bodies and query strings of REST requests, against Foundation's readers.
enum AdminFuzzTargets {
    static let all = [body, query]

    private static let allowed: Set<String> = ["name", "engine", "limit", "é"]

    private static let body = FuzzTarget.text(
        "rest-body",
        seeds: [
            #"{"name": "shop", "engine": "sqlite", "limit": 7}"#, #"{"limit":-9223372036854775808,"name":null}"#, "{}",
            #" {"\u006eame":"\ud83d\ude80\"\\","engine":"a,\"name\":1}"} "#,
        ],
        words: [
            #""name":"#, #""n\u0061me":"#, #""é":1"#, "\"e\u{301}\":1", "{", "}", "[", "]", ",", ":", "\\\"", "null", "1.5", "\u{0}", "\u{FEFF}",
        ]
    ) { text in
        let object = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
        let fields: BodyFields
        do throws(BerthError) { fields = try BodyFields(json: Array(text.utf8), allowed: allowed) } catch {
            try hold(error.code == .malformedRequest, "refused as \(error.code)")
            return .refused
        }
        guard let object else { throw FuzzTarget.Violation("Foundation refuses it") }
        try hold(Set(object.keys).isSubset(of: allowed), "it has other members than are allowed")
        for name in allowed {
            let given = object[name]
            do throws(BerthError) {
                let read = try fields.optionalString(name)
                let isSame = bytes(of: read) == bytes(of: given as? String)
                if !isSame { throw BerthError(.internalError, "“\(name)” is read as \(read ?? "nothing")") }
            } catch {
                try hold(error.code == .malformedRequest && !(given is String), "\(error)")
            }
            do throws(BerthError) {
                let read = try fields.optionalInteger(name)
                if read != (given as? NSNumber)?.int64Value { throw BerthError(.internalError, "“\(name)” is read as \(read ?? 0)") }
            } catch {
                try hold(error.code == .malformedRequest, "\(error)")
            }
        }
        // Each member that is there counts once: one more of the same name is refused.
        if let name = object.keys.sorted().first, let end = text.lastIndex(of: "}"), !name.contains("\"") && !name.contains("\\") {
            let twice = text[..<end] + ",\"\(name)\":null}"
            try hold((try? BodyFields(json: Array(twice.utf8), allowed: allowed)) == nil, "a second “\(name)” is accepted")
        }
        return .accepted
    }

    /// Without byte-order marks: `JSONSerialization` drops some of them from strings.
    private static func bytes(of text: String?) -> [UInt8]? {
        text.map { text in text.unicodeScalars.filter { $0 != "\u{FEFF}" }.flatMap { Array(String($0).utf8) } }
    }

    private static let query = FuzzTarget.text(
        "rest-query", seeds: ["", "limit=10", "name=a%20b+c&limit=", "name=%F0%9F%9A%80"],
        words: ["&", "=", "%", "%26", "%3D", "+", "limit", "name=", "%ff", "%00", "é"]
    ) { text in
        let fields: QueryFields
        do throws(BerthError) { fields = try QueryFields(text[...], allowed: allowed) } catch {
            try hold(error.code == .invalidArgument, "refused as \(error.code)")
            return .refused
        }
        var expected: [String: String] = [:]
        for pair in text.split(separator: "&", omittingEmptySubsequences: true) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { part in
                part.replacing("+", with: "%20").removingPercentEncoding
            }
            guard let name = parts[0], let value = parts.count > 1 ? parts[1] : "" else {
                throw FuzzTarget.Violation("what is not encoded properly is accepted")
            }
            try hold(expected.updateValue(value, forKey: name) == nil, "“\(name)” is there twice")
        }
        for name in allowed { try hold(fields[name] == expected[name], "“\(name)” is read as \(fields[name] ?? "nothing")") }
        do throws(BerthError) {
            if let limit = try fields.integer("limit", in: 1...1000), !(1...1000).contains(limit) {
                throw BerthError(.internalError, "limit \(limit)")
            }
            _ = try fields.flag("name")
        } catch {
            try hold(error.code == .invalidArgument, "\(error)")
        }
        return .accepted
    }
}
