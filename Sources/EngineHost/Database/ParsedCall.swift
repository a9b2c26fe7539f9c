import Engines
import FleetModel
import Hrana

/// A call whose body was read. That needs nothing of the database, so it is not done on its lane.
struct ParsedCall: Sendable {
    let id: UInt64
    enum Body: Sendable {
        case execute(ExecuteRequest)
        case batch(BatchRequest)
        case pipeline(PipelineRequest)
        case cursor(CursorRequest)
        case load(LoadOptions, LoadRows)
        case versionCheck
    }

    let body: Body
    let access: AccessRights
    let writesWait: BerthError?
    /// What is to be carried out, when it may be in a transaction shared with other requests; else `nil`.
    let shareable: ShareableRequests?
    /// What is to be carried out, when that may be done beside the writer; else `nil`.
    let readable: ReadableRequests?

    /// Its rows take the time that its client takes.
    var isCursor: Bool { if case .cursor = body { true } else { false } }

    /// - Throws: `malformed_request`.
    init(_ call: HostCall, engine: any Engine) throws(BerthError) {
        id = call.id
        access = call.access
        writesWait = call.writesWait
        let body: Body = switch call.route {
        case .v1Execute: .execute(try ExecuteRequest(decoding: call.body))
        case .v1Batch: .batch(try BatchRequest(decoding: call.body))
        case .pipeline(let version): .pipeline(try PipelineRequest(decoding: call.body, version: version))
        case .cursor: .cursor(try CursorRequest(decoding: call.body))
        case .load: try .load(call)
        case .versionCheck: .versionCheck
        }
        self.body = body
        let requests = body.requestsWithoutStream
        readable = requests.flatMap { ReadableRequests($0, call.access, by: engine) }
        // Also what looks like a read: it may turn out to be none.
        shareable = requests.flatMap { ShareableRequests($0, by: engine) }
    }
}

extension ParsedCall.Body {
    /// The rows themselves are read as the database takes them.
    fileprivate static func load(_ call: HostCall) throws(BerthError) -> Self {
        let options = try LoadOptions(query: call.query)
        return .load(options, try LoadRows(call.body, options))
    }

    /// The requests of a call that keeps no stream.
    fileprivate var requestsWithoutStream: [StreamRequest]? {
        switch self {
        case .execute(let body):
            guard case .success(let statement) = body.statement else { return nil }
            return [.execute(statement)]
        case .batch(let body):
            guard case .success(let batch) = body.batch else { return nil }
            return [.batch(batch)]
        case .pipeline(let body):
            // One that does not end with `close` leaves a stream behind, and one with a baton may have a transaction open.
            guard body.baton == nil, case .close = body.requests.last else { return nil }
            return body.requests
        case .cursor, .load, .versionCheck: return nil
        }
    }
}
