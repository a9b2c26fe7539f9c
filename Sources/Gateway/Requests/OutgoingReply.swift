package import FleetModel
import Hrana
import NIOHTTP1
package import Routing

/// One answer, before it is written to a connection.
package struct OutgoingReply: Sendable {
    package var status: Int
    package var contentType: String
    package var body: [UInt8]
    /// What follows `body`, as in `DataReply`.
    package var rest: (any ReplyStream)?
    /// Headers beyond content type, length and request id.
    package var headers: [(name: String, value: String)] = []
    /// The request as metrics and logs name what became of it.
    package var outcome: Outcome

    package enum Outcome: Sendable, Hashable {
        case ok
        /// A status that says no, answered by the database or another node.
        case status(Int)
        case error(BerthError.Code)

        var label: String {
            switch self {
            case .ok: "ok"
            case .status(let status): "http_\(status)"
            case .error(let code): code.rawValue
            }
        }
    }

    package init(_ reply: DataReply) {
        status = reply.status
        contentType = reply.contentType
        body = reply.body
        rest = reply.rest
        outcome = reply.status < 400 ? .ok : .status(reply.status)
    }

    package init(_ failure: RequestFailure) {
        let error = failure.error
        status = error.code.httpStatus
        contentType = "application/json"
        body = failure.hint.map { NotLeaderBody.encode(error, hint: $0) } ?? ResponseBody.error(error)
        outcome = .error(error.code)
        if let seconds = error.retryAfter { headers.append(("retry-after", String(seconds))) }
        if let allow = failure.allow { headers.append(("allow", allow)) }
        switch error.code {
        case .tokenMissing: headers.append(("www-authenticate", #"Bearer realm="berth""#))
        case .tokenInvalid, .tokenExpired:
            headers.append(("www-authenticate", #"Bearer realm="berth", error="invalid_token""#))
        default: break
        }
    }
}

/// Why a request was not carried out, with what belongs in the answer besides the error.
package struct RequestFailure: Error {
    package var error: BerthError
    /// Methods the path takes, with `method_not_allowed`.
    var allow: String?
    /// Who leads, with `not_leader`.
    package var hint: NotLeaderHint?

    package init(_ error: BerthError, allow: String? = nil, hint: NotLeaderHint? = nil) {
        self.error = error
        self.allow = allow
        self.hint = hint
    }
}
