import FleetModel
import Foundation

/// The parameters of a request's query string.
struct QueryFields: Sendable {
    private var values: [String: String] = [:]

    /// - Parameter allowed: others are refused, so that a misspelt filter does not silently show everything.
    /// - Throws: `invalid_argument` for an unknown or repeated parameter, and for one that is not properly encoded.
    init(_ query: Substring, allowed: Set<String>) throws(BerthError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decoded(parts[0])
            guard allowed.contains(name) else {
                let known = allowed.isEmpty ? "There are none here." : "Known are: \(allowed.sorted().joined(separator: ", "))."
                throw BerthError(.invalidArgument, "The query parameter “\(name.prefix(80))” is unknown. \(known)")
            }
            guard values.updateValue(try Self.decoded(parts.count > 1 ? parts[1] : ""), forKey: name) == nil else {
                throw BerthError(.invalidArgument, "The query parameter “\(name)” is given twice.")
            }
        }
    }

    subscript(_ name: String) -> String? { values[name] }

    /// - Throws: `invalid_argument` when it is no whole number of `range`.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(BerthError) -> Int? {
        guard let text = values[name] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw BerthError(
                .invalidArgument,
                "“\(name)” must be a whole number from \(range.lowerBound) to \(range.upperBound), not “\(text.prefix(80))”.")
        }
        return value
    }

    func flag(_ name: String) throws(BerthError) -> Bool {
        switch values[name] {
        case nil, "false"?: return false
        case "true"?: return true
        case let other?:
            throw BerthError(.invalidArgument, "“\(name)” must be “true” or “false”, not “\(other.prefix(80))”.")
        }
    }

    private static func decoded(_ text: Substring) throws(BerthError) -> String {
        guard let decoded = text.replacingOccurrences(of: "+", with: " ").removingPercentEncoding else {
            throw BerthError(.invalidArgument, "“\(text.prefix(80))” in the query is not properly percent-encoded.")
        }
        return decoded
    }
}
