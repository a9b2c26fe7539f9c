import FleetModel
import FleetStore

/// A long action as the API shows it.
public struct OperationResource: Codable, Sendable, Hashable {
    public var id: String
    /// `move`, `failover` or `drain`.
    public var kind: String
    /// The name of the database that is moved or failed over.
    @OrNull public var database: String?
    /// Where a move goes to; the node that is drained.
    @OrNull public var node: String?
    /// `pending`, `running`, `succeeded`, `failed` or `cancelled`.
    public var state: String
    public var done: Int64
    public var total: Int64
    public var cancelRequested: Bool
    @OrNull public var error: Failure?
    /// RFC 3339, as the other two.
    public var createdAt: String
    public var updatedAt: String
    @OrNull public var finishedAt: String?

    /// Why an operation failed.
    public struct Failure: Codable, Sendable, Hashable {
        /// One of `BerthError.Code`.
        public var code: String
        public var message: String

        public init(code: String, message: String) {
            self.code = code
            self.message = message
        }
    }

    init(_ record: OperationRecord) {
        id = record.id.description
        kind = record.kind.rawValue
        database = record.databaseName?.description
        node = record.node?.description
        state = record.state.rawValue
        done = record.done
        total = record.total
        cancelRequested = record.cancelRequested
        error = record.errorCode.map { Failure(code: $0, message: record.errorMessage ?? "") }
        createdAt = ResourceCoding.timestamp(record.createdAt)
        updatedAt = ResourceCoding.timestamp(record.updatedAt)
        finishedAt = record.finishedAt.map(ResourceCoding.timestamp)
    }
}

/// One page of operations, the newest first.
public struct OperationPage: Codable, Sendable, Hashable {
    public var operations: [OperationResource]
    /// To be sent as `cursor` for the next page; `nil` on the last one.
    @OrNull public var nextCursor: String?
}
