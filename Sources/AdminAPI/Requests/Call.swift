import FleetModel
import Foundation
import Hummingbird

/// One request as its endpoint sees it: accepted token, checked query, checked body.
struct Call: Sendable {
    let parameters: Parameters
    let query: QueryFields
    let body: BodyFields
    /// `nil` where no token is asked for.
    let caller: Caller?
    /// Where an `Idempotency-Key` came along: the same bytes for every attempt at the same request, and for no other.
    let attemptSeed: [UInt8]?

    func pathText(_ name: String) -> String { Self.pathText(name, of: parameters) }

    static func pathText(_ name: String, of parameters: Parameters) -> String {
        guard let raw = parameters.get(name) else { return "" }
        return raw.removingPercentEncoding ?? raw
    }

    /// - Throws: `invalid_database_name`.
    func databaseName() throws(BerthError) -> DatabaseName { try DatabaseName(pathText("name")) }

    /// - Throws: `invalid_node_name`.
    func nodeName() throws(BerthError) -> NodeName { try NodeName(pathText("name")) }

    /// How many rows a page has.
    func pageSize() throws(BerthError) -> Int { try query.integer("limit", in: 1...1000) ?? 100 }
}
