/// A database, as a client without a library speaks to it.
public protocol PipelineClient: Sendable {
    /// - Parameter baton: of the stream to go on with; `nil` begins one.
    func pipeline(_ requests: [HranaRequest], baton: String?) async throws(PipelineFailure) -> PipelineReply
}

/// Why a request got no result.
public enum PipelineFailure: Error, Sendable, CustomStringConvertible {
    /// Somebody answered with an error of this code.
    case refused(code: String, message: String)
    /// Nothing was sent.
    case notConnected
    /// Whatever was sent may have been executed.
    case lost(String)

    public var description: String {
        switch self {
        case .refused(let code, let message): "\(code): \(message)"
        case .notConnected: "not connected"
        case .lost(let why): "no answer: \(why)"
        }
    }
}

extension PipelineClient {
    public func pipeline(_ requests: [HranaRequest]) async throws(PipelineFailure) -> PipelineReply {
        try await pipeline(requests, baton: nil)
    }

    /// Executes one statement outside a transaction.
    @discardableResult
    public func execute(
        _ sql: String, _ arguments: [HranaRequest.Argument] = []
    ) async throws(PipelineFailure) -> PipelineReply.Result {
        try Self.result(0, of: await pipeline([.execute(sql, arguments), .close]))
    }

    /// The result of a request of a pipeline.
    public static func result(_ index: Int, of reply: PipelineReply) throws(PipelineFailure) -> PipelineReply.Result {
        do { return try reply.result(index) } catch { throw .refused(code: error.code ?? "-", message: error.message) }
    }
}
