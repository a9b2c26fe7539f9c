public import FleetModel

/// The body of `POST /v1/execute`.
public struct ExecuteRequest: Sendable, Hashable {
    /// The statement, or what is wrong with its arguments.
    public var statement: Result<HranaStatement, SQLError>

    public init(statement: Result<HranaStatement, SQLError>) {
        self.statement = statement
    }
}

/// The body of `POST /v1/batch`.
public struct BatchRequest: Sendable, Hashable {
    /// The batch, or what is wrong with the arguments or the condition of one of its steps.
    public var batch: Result<Batch, SQLError>

    public init(batch: Result<Batch, SQLError>) {
        self.batch = batch
    }
}

/// The body of `POST /v2/pipeline` and `POST /v3/pipeline`.
public struct PipelineRequest: Sendable, Hashable {
    /// The stream to go on with; `nil` for a new one.
    public var baton: String?
    /// Run in order, all of them, also after an error.
    public var requests: [StreamRequest]

    public init(baton: String?, requests: [StreamRequest]) {
        self.baton = baton
        self.requests = requests
    }
}

/// The body of `POST /v3/cursor`.
public struct CursorRequest: Sendable, Hashable {
    /// The stream to go on with; `nil` for a new one.
    public var baton: String?
    /// The batch, or what is wrong with the arguments or the condition of one of its steps.
    public var batch: Result<Batch, SQLError>

    public init(baton: String?, batch: Result<Batch, SQLError>) {
        self.baton = baton
        self.batch = batch
    }
}
