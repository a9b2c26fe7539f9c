public import FleetModel

/// Loads rows into one table, in one transaction, by a few large inserts.
final class DuckDBLoader: EngineLoader {
    /// A row group of DuckDB's: full ones are written to the file at once instead of being kept until the commit.
    private static let rowsPerInsert = 122_880
    private static let bytesPerInsert = 16 << 20

    private let target: DuckDBLoadTarget
    private let connection: DuckDBConnection
    private let hasOwnTransaction: Bool
    private var classes: [ValueClasses]
    private var staging: DuckDBStaging?
    private var rowCount = 0
    private var insertedRows = 0
    private var isOpen = true

    init(_ target: DuckDBLoadTarget, on connection: DuckDBConnection) throws(SQLError) {
        self.target = target
        self.connection = connection
        classes = target.columns.map { _ in [] }
        hasOwnTransaction = connection.isAutocommit
        if hasOwnTransaction { try connection.begin() }
    }

    deinit { abandon() }

    var columnCount: Int { target.columns.count }

    func append(_ rows: [[SQLValue]], deadline: BootInstant?) throws(SQLError) {
        try orUndo { () throws(SQLError) in
            try check(rows)
            try widen(for: rows, deadline)
            guard let staging else { return }
            var rest = rows[...]
            while !rest.isEmpty {
                let part = rest.prefix(staging.room)
                for column in target.columns.indices { staging.put(part, column: column) }
                try staging.advance(by: part.count)
                rowCount += part.count
                rest = rest.dropFirst(part.count)
                if staging.rows >= Self.rowsPerInsert || staging.bytes >= Self.bytesPerInsert { try insert(deadline) }
            }
        }
    }

    func finish(deadline: BootInstant?) throws(SQLError) -> Int64 {
        try orUndo { () throws(SQLError) in
            try insert(deadline)
            invariant(insertedRows == rowCount, "rows are acknowledged that were not inserted")
            try connection.quota.check()
            if hasOwnTransaction { try connection.commit(StatementLimits(deadline: deadline)) }
        }
        invariant(!hasOwnTransaction || connection.isAutocommit, "a load is acknowledged before its transaction has ended")
        end()
        return Int64(rowCount)
    }

    func abandon() {
        guard isOpen else { return }
        end()
        // What is only staged is no part of the transaction yet.
        if hasOwnTransaction || insertedRows > 0 || connection.transaction == .aborted { try? connection.rollback() }
    }

    private func end() {
        isOpen = false
        staging = nil
        if connection.loader === self { connection.loader = nil }
    }

    /// Undoes everything when `body` fails.
    private func orUndo(_ body: () throws(SQLError) -> Void) throws(SQLError) {
        guard isOpen else { throw DuckDBErrorCode.loaderClosed }
        do throws(SQLError) { try body() } catch {
            abandon()
            throw error
        }
    }

    // MARK: Rows

    private func check(_ rows: [[SQLValue]]) throws(SQLError) {
        let largest = connection.options.maximumValueBytes
        for (index, row) in rows.enumerated() {
            guard row.count == columnCount else {
                throw SQLError(
                    code: "ARGS_INVALID", message: "row \(rowCount + index + 1) has \(row.count) values, and \(columnCount) are wanted")
            }
            for value in row where value.storedBytes > largest {
                throw SQLError(
                    code: "DUCKDB_OBJECT_SIZE",
                    message: "row \(rowCount + index + 1) has a value of \(value.storedBytes) bytes; at most \(largest) are allowed")
            }
        }
    }

    /// Makes the staging wide enough for the classes of values in `rows`. That happens a few times per column at most.
    private func widen(for rows: [[SQLValue]], _ deadline: BootInstant?) throws(SQLError) {
        var wider = classes
        for row in rows {
            for index in wider.indices { wider[index].formUnion(ValueClasses(of: row[index])) }
        }
        guard staging == nil || wider != classes else { return }
        try insert(deadline)
        classes = wider
        staging = nil
        staging = try DuckDBStaging(target, classes, on: connection)
    }

    private func insert(_ deadline: BootInstant?) throws(SQLError) {
        if let deadline, deadline <= connection.clock.instant() { throw DuckDBErrorCode.interrupt(timedOut: true) }
        guard let staging, staging.rows > 0 else { return }
        try connection.quota.check()
        // Also when it fails, for then it may be half done.
        defer { insertedRows = rowCount }
        do throws(SQLError) {
            try connection.watched(until: deadline) { () throws(SQLError) in
                do throws(SQLError) { try staging.insert() } catch { throw connection.noted(error) }
            }
        } catch {
            throw SQLError(code: error.code, message: "\(error.message) (in the rows \(insertedRows + 1) to \(rowCount))")
        }
    }
}

extension DuckDBConnection {
    public func load(into table: String, columns: [String]?) throws(SQLError) -> any EngineLoader {
        try makeReady()
        if isAutocommit { try quota.checkOrMakeRoom() } else { try quota.check() }
        let loader = try DuckDBLoader(DuckDBLoadTarget(table, columns: columns, on: self), on: self)
        self.loader = loader
        return loader
    }
}
