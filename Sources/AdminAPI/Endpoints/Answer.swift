import FleetModel
import Foundation
import HTTPTypes
import Hummingbird

/// What an endpoint answers.
struct Answer: Sendable {
    var status: HTTPResponse.Status
    var contentType: String?
    var body: [UInt8]
    var isReplayed = false

    static func json(_ resource: some Encodable, status: HTTPResponse.Status = .ok) throws(BerthError) -> Answer {
        do {
            return Answer(
                status: status, contentType: Answer.jsonType, body: try ResourceCoding.bytes(of: resource))
        } catch {
            throw BerthError(.internalError, "The answer could not be written as JSON: \(error)")
        }
    }

    static func replay(status: Int, body: [UInt8]) -> Answer {
        Answer(status: .init(code: status), contentType: jsonType, body: body, isReplayed: true)
    }

    static let empty = Answer(status: .noContent, contentType: nil, body: [])
    static let jsonType = "application/json"

    /// - Parameter product: what the body describes, so that a replayed answer has the same `Location` as the first.
    func response(locating product: Endpoint.Product?) -> Response {
        var headers = HTTPFields()
        if let contentType { headers[.contentType] = contentType }
        if let product, let location = location(of: product) { headers[.location] = location }
        if isReplayed { headers[.idempotencyReplayed] = "true" }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    private func location(of product: Endpoint.Product) -> String? {
        struct Described: Decodable {
            var id: String
            var name: String?
        }
        guard let described = try? JSONDecoder().decode(Described.self, from: Data(body)) else { return nil }
        return switch product {
        case .database: described.name.map { "/v1/databases/\($0)" }
        case .operation: "/v1/operations/\(described.id)"
        }
    }
}

extension HTTPField.Name {
    // Names of header fields are tokens (RFC 9110, 5.1); these literals are, and so the initializer never fails.
    static let requestID = HTTPField.Name("X-Request-Id")!
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed")!
}
