import AdminAPI
import Foundation
import HTTPTypes

/// What the API answered.
struct Reply: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: Data

    func resource<Resource: Decodable>(_: Resource.Type = Resource.self) throws -> Resource {
        try ResourceCoding.decoder().decode(Resource.self, from: body)
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// `409 node_cordoned`; only the status when it is no problem.
    var outcome: String {
        guard headers[.contentType] == "application/problem+json", let problem = try? resource(Problem.self),
            problem.status == status, problem.type == "urn:berth:problem:\(problem.code)"
        else { return "\(status)" }
        return "\(status) \(problem.code)"
    }

    var detail: String { (try? resource(Problem.self))?.detail ?? "" }

    subscript(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}
