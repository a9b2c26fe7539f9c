import CDuckDB
import FleetModel

/// Rows on their way into a table: they are collected column by column, outside DuckDB's memory limit, and then inserted by one
/// statement, which gives them the columns' types, checks them, and fills in defaults.
final class DuckDBStaging {
    /// What one column of the table gets: where its values of each class lie.
    private struct Slots {
        var classes: ValueClasses
        /// Index of the first one among the staged columns.
        var first: Int
        var count: Int
    }
    private struct Column {
        var vector: duckdb_vector?
        var data: UnsafeMutableRawPointer?
        /// `nil` as long as nothing is NULL.
        var validity: UnsafeMutablePointer<UInt64>?
    }

    private let api: berth_duckdb_api
    private let slots: [Slots]
    private var columns: [Column]
    private var chunk: duckdb_data_chunk?
    private var appender: duckdb_appender?
    private let capacity: Int
    /// Rows in the chunk.
    private var filled = 0
    /// What is staged and not inserted yet.
    private(set) var rows = 0
    private(set) var bytes = 0

    /// - Parameter classes: of the values that can be staged, one entry per column.
    /// - Throws: DuckDB's code.
    init(_ target: DuckDBLoadTarget, _ classes: [ValueClasses], on connection: DuckDBConnection) throws(SQLError) {
        guard let handle = connection.handle else { throw DuckDBErrorCode.closed }
        let api = connection.library.api
        self.api = api
        capacity = Int(api.vector_size())
        var staged: [(name: String, type: DuckDBType.ID)] = []
        var slots: [Slots] = []
        for (column, classes) in zip(target.columns, classes) {
            // Without a value so far: any type can hold NULL.
            let present = classes.isEmpty ? [.integer] : ValueClasses.all.filter(classes.contains)
            slots.append(Slots(classes: classes, first: staged.count, count: present.count))
            // Named as the column is, for errors to say where a value was to go; numbered where there are several.
            for (index, one) in present.enumerated() {
                staged.append((present.count == 1 ? column.name : "\(column.name) \(index + 1)", one.type))
            }
        }
        self.slots = slots
        columns = staged.map { _ in Column() }
        var types = staged.map { api.create_logical_type($0.type.rawValue) }
        defer { for index in types.indices { api.destroy_logical_type(&types[index]) } }
        chunk = api.create_data_chunk(&types, idx_t(types.count))
        let sql = Self.insert(into: target, staged.map(\.name), slots)
        let state = Self.withCStrings(staged.map(\.name)) { names in
            var names = names
            return api.appender_create_query(handle, sql, idx_t(types.count), &types, Self.name, &names, &appender)
        }
        guard state == 0, chunk != nil else { throw failure() }
        empty()
    }

    deinit {
        // Destroying inserts what is left.
        _ = api.appender_clear(appender)
        _ = api.appender_destroy(&appender)
        api.destroy_data_chunk(&chunk)
    }

    private static let name = "rows being loaded"

    private static func insert(into target: DuckDBLoadTarget, _ staged: [String], _ slots: [Slots]) -> String {
        let values = zip(target.columns, slots).map { column, slots in
            let names = (slots.first..<slots.first + slots.count).map { SQLName.quoted(staged[$0]) }
            // INSERT itself casts a single one, except that a NULL among values of these would become one that is not NULL.
            let keepsNull = !["UNION", "VARIANT"].contains { column.type.hasPrefix($0) }
            if names.count == 1 && keepsNull { return names[0] }
            return "CASE" + names.map { " WHEN \($0) IS NOT NULL THEN CAST(\($0) AS \(column.type))" }.joined() + " END"
        }
        let columns = target.columns.map { SQLName.quoted($0.name) }.joined(separator: ", ")
        return "INSERT INTO \(target.name) (\(columns)) SELECT \(values.joined(separator: ", ")) FROM \(SQLName.quoted(name))"
    }

    private static func withCStrings<Answer>(_ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> Answer) -> Answer {
        let copies = strings.map { Array($0.utf8CString) }
        var all: [CChar] = []
        let starts = copies.map { copy in
            defer { all += copy }
            return all.count
        }
        return all.withUnsafeBufferPointer { buffer in body(starts.map { start in buffer.baseAddress.map { $0 + start } }) }
    }

    // MARK: Rows

    /// How many rows the chunk has room for.
    var room: Int { capacity - filled }

    /// Adds values of one column of the table for the next rows; all columns of the same rows, then ``advance(by:)``.
    func put(_ rows: ArraySlice<[SQLValue]>, column index: Int) {
        invariant(rows.count <= room, "more rows than the chunk has room for")
        let slots = slots[index]
        var row = filled
        for values in rows {
            put(values[index], at: row, slots)
            row += 1
        }
    }

    /// At most ``room``.
    func advance(by count: Int) throws(SQLError) {
        invariant(0 < count && count <= room, "rows are counted that are not in the chunk")
        filled += count
        rows += count
        bytes += count * columns.count * MemoryLayout<Int64>.size
        if filled == capacity { try store() }
    }

    @inline(__always)
    private func put(_ value: SQLValue, at row: Int, _ slots: Slots) {
        var present = -1
        switch value {
        case .null: break
        case .integer(let integer):
            present = slots.first
            columns[present].data?.storeBytes(of: integer, toByteOffset: row * 8, as: Int64.self)
        case .real(let real):
            present = position(of: .real, slots)
            columns[present].data?.storeBytes(of: real, toByteOffset: row * 8, as: Double.self)
        case .text(var text):
            present = position(of: .text, slots)
            let vector = columns[present].vector
            bytes += text.withUTF8 { utf8 in
                utf8.withMemoryRebound(to: CChar.self) {
                    api.vector_assign_string_element_len(vector, idx_t(row), $0.baseAddress, idx_t($0.count))
                }
                return utf8.count
            }
        case .blob(let blob):
            present = position(of: .blob, slots)
            let vector = columns[present].vector
            blob.withUnsafeBytes {
                api.vector_assign_string_element_len(
                    vector, idx_t(row), $0.baseAddress?.assumingMemoryBound(to: CChar.self), idx_t($0.count))
            }
            bytes += blob.count
        }
        if present >= 0 && slots.count == 1 { return }
        for column in slots.first..<slots.first + slots.count where column != present { setNull(column, row) }
    }

    /// The staged columns of a column of the table are in the order of ``ValueClasses/all``.
    private func position(of one: ValueClasses, _ slots: Slots) -> Int {
        invariant(slots.classes.contains(one), "a value of a class that has no column")
        return slots.first + (slots.classes.rawValue & (one.rawValue - 1)).nonzeroBitCount
    }

    private func setNull(_ column: Int, _ row: Int) {
        if columns[column].validity == nil {
            api.vector_ensure_validity_writable(columns[column].vector)
            columns[column].validity = api.vector_get_validity(columns[column].vector)
        }
        columns[column].validity?[row >> 6] &= ~(1 << UInt64(row & 63))
    }

    /// Moves the chunk's rows to those that wait for ``insert()``.
    private func store() throws(SQLError) {
        guard filled > 0 else { return }
        api.data_chunk_set_size(chunk, idx_t(filled))
        guard api.append_data_chunk(appender, chunk) == 0 else { throw failure() }
        empty()
    }

    private func empty() {
        api.data_chunk_reset(chunk)
        filled = 0
        for index in columns.indices {
            let vector = api.data_chunk_get_vector(chunk, idx_t(index))
            columns[index] = Column(vector: vector, data: api.vector_get_data(vector), validity: nil)
        }
    }

    /// Inserts what is staged.
    ///
    /// - Throws: DuckDB's code.
    func insert() throws(SQLError) {
        try store()
        guard rows > 0 else { return }
        guard api.appender_flush(appender) == 0 else { throw failure() }
        (rows, bytes) = (0, 0)
    }

    private func failure() -> SQLError {
        var data = api.appender_error_data(appender)
        defer { api.destroy_error_data(&data) }
        let message = api.error_data_message(data).map { String(cString: $0) } ?? ""
        return DuckDBErrorCode.error(type: api.error_data_error_type(data), message)
    }
}
