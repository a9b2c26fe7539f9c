public import FleetModel
public import Foundation

public enum OperationKind: String, Sendable, Codable, CaseIterable {
    case move
    case failover
    case drain
}

public enum OperationState: String, Sendable, Codable, CaseIterable {
    case pending, running, succeeded, failed, cancelled

    public var isFinished: Bool { self == .succeeded || self == .failed || self == .cancelled }
}

/// A long action: resumed by whichever manager leads, cancellable, with progress.
public struct OperationRecord: Sendable, Hashable {
    public var id: OperationID
    public var kind: OperationKind
    public var database: DatabaseID?
    public var databaseName: DatabaseName?
    /// Where a move goes to; the node that is drained.
    public var node: NodeName?
    public var state: OperationState
    public var done: Int64
    public var total: Int64
    public var cancelRequested: Bool
    public var errorCode: String?
    public var errorMessage: String?
    public var createdAt: Date
    public var updatedAt: Date
    public var finishedAt: Date?

    package init(
        id: OperationID, kind: OperationKind, database: DatabaseID? = nil, databaseName: DatabaseName? = nil,
        node: NodeName? = nil, state: OperationState, done: Int64, total: Int64, cancelRequested: Bool,
        errorCode: String? = nil, errorMessage: String? = nil, createdAt: Date, updatedAt: Date, finishedAt: Date? = nil
    ) {
        self.id = id
        self.kind = kind
        self.database = database
        self.databaseName = databaseName
        self.node = node
        self.state = state
        self.done = done
        self.total = total
        self.cancelRequested = cancelRequested
        self.errorCode = errorCode
        self.errorMessage = errorMessage
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.finishedAt = finishedAt
    }
}

extension FleetCatalogue {
    /// Records that something shall be done.
    ///
    /// - Throws: `operation_conflict` when an operation on the same database, or a drain of the same node, is open.
    public func createOperation(
        _ kind: OperationKind, database: DatabaseID? = nil, node: NodeName? = nil
    ) async throws(BerthError) -> OperationRecord {
        let id = OperationID.timeOrdered()
        // A unique index allows one open operation per target, however many ask at once.
        let rows = try await run("""
            insert into operations (id, kind, database, node) values ($1, $2, $3, $4)
            on conflict do nothing
            returning id, berth_hint('operations', array[id::text])
            """, [
                .uuid(id.uuid), .text(kind.rawValue), database.map { .uuid($0.uuid) } ?? .null,
                node.map { .text($0.description) } ?? .null,
            ])
        if rows.isEmpty {
            throw BerthError(
                .operationConflict,
                "Another operation on the same \(database == nil ? "node" : "database") is still open. "
                    + "`berth operation list` shows it; wait for it or cancel it.")
        }
        return try await operation(id)
    }

    /// - Throws: `operation_not_found`.
    public func operation(_ id: OperationID) async throws(BerthError) -> OperationRecord {
        let rows = try await run(Self.operationSQL + " where o.id = $1", [.uuid(id.uuid)])
        guard let row = rows.first else {
            throw BerthError(.operationNotFound, "There is no operation \(id). `berth operation list` shows those there are.")
        }
        return try operation(row)
    }

    /// The newest first, without those of a kind this program does not know.
    ///
    /// - Parameter before: identifier of the last one of the page before.
    public func operations(
        openOnly: Bool = false, before: OperationID? = nil, limit: Int
    ) async throws(BerthError) -> [OperationRecord] {
        let rows = try await run(
            Self.operationSQL + """
                 where \(KnownWords.ofOperation) and ($1 = false or o.state in ('pending', 'running')) and ($2::uuid is null or o.id < $2)
                 order by o.id desc limit $3
                """, [.bool(openOnly), before.map { .uuid($0.uuid) } ?? .null, .int8(Int64(limit))])
        var page: [OperationRecord] = []
        for row in rows { page.append(try operation(row)) }
        return page
    }

    /// Asks the leading manager to stop an operation. What is done stays done.
    ///
    /// - Throws: `operation_not_found`, `operation_finished`.
    public func requestCancel(_ id: OperationID) async throws(BerthError) -> OperationRecord {
        let rows = try await run("""
            update operations set cancel = true, updated_at = now() where id = $1 and state in ('pending', 'running')
            returning id, berth_hint('operations', array[id::text])
            """, [.uuid(id.uuid)])
        let record = try await operation(id)
        if rows.isEmpty && !record.cancelRequested {
            throw BerthError(.operationFinished, "Operation \(id) is \(record.state.rawValue) already; there is nothing to cancel.")
        }
        return record
    }

    /// Writes progress or an outcome, while `term` holds and the operation is open.
    ///
    /// - Returns: whether it was written.
    @discardableResult
    public func update(
        _ id: OperationID, state: OperationState, done: Int64, total: Int64, error: BerthError? = nil,
        under term: ManagerTerm
    ) async throws(BerthError) -> Bool {
        let rows = try await run("""
            with \(ManagerTerm.guardSQL)
            update operations o set state = $4, done = $5, total = $6, error_code = $7, error_message = $8, term = $2,
                updated_at = now(), finished_at = case when $4 in ('pending', 'running') then null else now() end
            from term where o.id = $3 and o.state in ('pending', 'running')
            returning o.id, berth_hint('operations', array[o.id::text])
            """, term.parameters + [
                .uuid(id.uuid), .text(state.rawValue), .int8(done), .int8(total),
                error.map { .text($0.code.rawValue) } ?? .null, error.map { .text($0.message) } ?? .null,
            ])
        return !rows.isEmpty
    }

    private static let operationSQL =
        "select o.*, d.name as database_name from operations o left join databases d on d.id = o.database"

    private func operation(_ row: PostgresRow) throws(BerthError) -> OperationRecord {
        try value {
            guard let kind = OperationKind(rawValue: try row.string("kind")),
                let state = OperationState(rawValue: try row.string("state"))
            else { throw BerthError(.schemaMismatch, "An operation is of a kind this program does not know. Upgrade it.") }
            return OperationRecord(
                id: OperationID(try row.uuid("id")), kind: kind,
                database: try row.optionalUUID("database").map { DatabaseID($0) },
                databaseName: try row.optionalString("database_name").map { try DatabaseName($0) },
                node: try row.optionalString("node").map { try NodeName($0) }, state: state,
                done: try row.int64("done"), total: try row.int64("total"), cancelRequested: try row.bool("cancel"),
                errorCode: try row.optionalString("error_code"), errorMessage: try row.optionalString("error_message"),
                createdAt: try row.date("created_at"), updatedAt: try row.date("updated_at"),
                finishedAt: try row.optionalDate("finished_at"))
        }
    }
}
