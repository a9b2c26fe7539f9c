public import FleetModel

/// One request of a stream.
public enum StreamRequest: Sendable, Hashable {
    case execute(HranaStatement)
    case batch(Batch)
    /// Several statements in one text; nothing of their results is sent back.
    case sequence(SQLText)
    case describe(SQLText)
    case storeSQL(id: Int32, sql: String)
    case closeSQL(id: Int32)
    case getAutocommit
    case close
    /// A request of a known `type` that is to be answered with this error, while the others are run.
    case invalid(type: String, SQLError)
}
