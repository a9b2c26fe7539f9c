import FleetModel
import Telemetry

/// An error answer, `application/problem+json` (RFC 9457).
public struct Problem: Codable, Sendable, Hashable {
    /// `urn:berth:problem:` and the code.
    public var type: String
    public var title: String
    public var status: Int
    /// What happened and what to do.
    public var detail: String
    /// One of `BerthError.Code`.
    public var code: String
    public var requestId: String

    init(_ error: BerthError, requestID: RequestID) {
        type = "urn:berth:problem:\(error.code.rawValue)"
        let words = error.code.rawValue.split(separator: "_").joined(separator: " ")
        title = words.prefix(1).uppercased() + words.dropFirst()
        status = error.code.httpStatus
        detail = error.message
        code = error.code.rawValue
        requestId = requestID.description
    }
}
