public import FleetModel

/// What is refused for want of room, by whichever engine. That a database has reached its own size each engine says with its own code.
extension SQLError {
    /// Of a statement that would make its database larger while its node's disk is nearly full. It did nothing.
    public static let nodeDiskFull = SQLError(
        code: "NODE_DISK_FULL",
        message: "the disk of the database's node is nearly full, so nothing may grow on it: reading and deleting go on. "
            + "Try again later, or move the database to another node")

    public var isNodeDiskFull: Bool { code == Self.nodeDiskFull.code }

    /// Of a statement whose temporary files have become too large.
    static func temporaryFull(_ bytes: Int64) -> SQLError {
        SQLError(
            code: temporaryFullCode,
            message: "the temporary files of the database's statements have reached \(bytes) bytes: sort, group or join less at a time, or by an index")
    }

    static let temporaryFullCode = "TEMPORARY_FULL"

    /// Something the node may mend by emptying the log was refused.
    public var isForWantOfRoom: Bool { code == "SQLITE_FULL" || code == "DUCKDB_FULL" }
}
