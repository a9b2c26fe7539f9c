import CSQLite

/// The statements of the benchmark on the C API.
struct EntryBaseline {
    let database: RawSQLite
    private let insertStatement: RawStatement
    private let updateStatement: RawStatement
    private let pointStatement: RawStatement
    private let rangeStatement: RawStatement

    init(path: String) throws {
        database = try RawSQLite(path)
        for statement in EntryTable.schema { try database.run(statement) }
        insertStatement = try database.prepare(EntryTable.insert)
        updateStatement = try database.prepare(EntryTable.update)
        pointStatement = try database.prepare(EntryTable.pointRead)
        rangeStatement = try database.prepare(EntryTable.rangeRead)
    }

    /// Each in a transaction of its own, or in the one that is open.
    func insert(_ rows: ArraySlice<Entries.Entry>, of entries: Entries) throws {
        try entries.bytes.withUnsafeBytes { bytes in
            for row in rows {
                insertStatement.bind(row.id, at: 1)
                insertStatement.bind(row.account, at: 2)
                insertStatement.bind(UnsafeRawBufferPointer(rebasing: bytes[row.kind]), at: 3)
                insertStatement.bind(UnsafeRawBufferPointer(rebasing: bytes[row.body]), at: 4)
                _ = try insertStatement.step()
                insertStatement.reset()
            }
        }
    }

    /// In transactions of `size` rows.
    func insert(_ entries: Entries, inBatchesOf size: Int) throws {
        for start in stride(from: 0, to: entries.rows.count, by: size) {
            try database.run("BEGIN")
            try insert(entries.rows[start..<min(start + size, entries.rows.count)], of: entries)
            try database.run("COMMIT")
        }
    }

    func update(_ entries: Entries) throws {
        try entries.bytes.withUnsafeBytes { bytes in
            for row in entries.rows {
                updateStatement.bind(UnsafeRawBufferPointer(rebasing: bytes[row.body]), at: 1)
                updateStatement.bind(row.id, at: 2)
                _ = try updateStatement.step()
                updateStatement.reset()
            }
        }
    }

    func pointReads(_ ids: [Int64]) throws -> RowSum { try read(pointStatement, ids) }
    func rangeReads(_ starts: [Int64]) throws -> RowSum { try read(rangeStatement, starts) }

    private func read(_ statement: RawStatement, _ keys: [Int64]) throws -> RowSum {
        var sum = RowSum()
        for key in keys {
            statement.bind(key, at: 1)
            while try statement.step() { statement.fold(into: &sum) }
            statement.reset()
        }
        return sum
    }
}
