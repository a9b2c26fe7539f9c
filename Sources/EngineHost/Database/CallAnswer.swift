import FleetModel
import Hrana

/// What a call is answered with. Its bytes are written where nobody waits for the database's lane.
enum CallAnswer: Sendable {
    case reply(HostReply)
    case execute(SQLResult)
    case batch(BatchResult)
    case pipeline(PipelineResponse)

    /// - Parameter results: of the requests of `call` that were carried out in a group.
    init(_ results: [Result<StreamResponse, SQLError>], of call: ParsedCall) {
        switch (call.body, results.first) {
        case (.execute, .success(.execute(let result))): self = .execute(result)
        case (.batch, .success(.batch(let result))): self = .batch(result)
        case (.execute, .failure(let error)), (.batch, .failure(let error)):
            self = .reply(HostReply(status: 400, body: ResponseBody.error(error)))
        default: self = .pipeline(PipelineResponse(baton: nil, baseURL: nil, results: results))
        }
    }

    func reply(limit: ResponseLimit) -> HostReply {
        do throws(SQLError) {
            switch self {
            case .reply(let reply): return reply
            case .execute(let result): return HostReply(body: try ResponseBody.execute(result, limit: limit))
            case .batch(let result): return HostReply(body: try ResponseBody.batch(result, limit: limit))
            case .pipeline(let response): return HostReply(body: ResponseBody.pipeline(response, limit: limit))
            }
        } catch {
            return HostReply(status: 400, body: ResponseBody.error(error))
        }
    }
}
