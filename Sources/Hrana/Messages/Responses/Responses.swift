public import FleetModel

/// How one step of a batch went and what it answered.
public enum StepResult: Sendable, Hashable {
    case succeeded(SQLResult)
    case failed(SQLError)
    case skipped

    public var outcome: StepOutcome {
        switch self {
        case .succeeded: .succeeded
        case .failed: .failed
        case .skipped: .skipped
        }
    }
}

/// What a batch answered: one entry for each step.
public struct BatchResult: Sendable, Hashable {
    public var steps: [StepResult]

    public init(steps: [StepResult]) {
        self.steps = steps
    }
}

/// The answer to one request of a stream that did not fail.
public enum StreamResponse: Sendable, Hashable {
    case execute(SQLResult)
    case batch(BatchResult)
    case sequence
    case describe(SQLDescription)
    case storeSQL
    case closeSQL
    case getAutocommit(Bool)
    case close
}

/// The answer to a ``PipelineRequest``: one result for each request, in the same order.
public struct PipelineResponse: Sendable, Hashable {
    /// For the next request on the stream; `nil` when the stream is closed.
    public var baton: String?
    /// Where the next request on the stream should go; `nil` for the same place.
    public var baseURL: String?
    public var results: [Result<StreamResponse, SQLError>]

    public init(baton: String?, baseURL: String?, results: [Result<StreamResponse, SQLError>]) {
        self.baton = baton
        self.baseURL = baseURL
        self.results = results
    }
}
