public import FleetModel

extension JSONWriter {
    /// Writes a value. NaN, which JSON cannot say, becomes a null as it does in SQLite.
    @inline(__always)
    private mutating func value(_ value: RowBlock.Value) {
        switch value {
        case .null: literal(#"{"type":"null"}"#)
        case .integer(let value):
            literal(#"{"type":"integer","value":""#)
            integer(value)
            literal(#""}"#)
        case .real(let value) where value.isNaN: literal(#"{"type":"null"}"#)
        case .real(let value):
            literal(#"{"type":"float","value":"#)
            double(value)
            literal("}")
        case .text(let utf8):
            literal(#"{"type":"text","value":"#)
            string(utf8: utf8)
            literal("}")
        case .blob(let blob):
            literal(#"{"type":"blob","base64":"#)
            base64(blob)
            literal("}")
        }
    }

    /// Writes rows without their brackets.
    private mutating func rows(_ rows: RowBlock, _ limit: ResponseLimit) throws(SQLError) {
        var isFirst = true
        try rows.forEachValue { (column, value) throws(SQLError) in
            if column > 0 { literal(",") } else if isFirst { literal("[") } else { literal("],[") }
            isFirst = false
            try limit.admit(value.leastBytes, in: self)
            self.value(value)
        }
        if !isFirst { literal("]") }
        try limit.admit(in: self)
    }

    /// Writes each row as an entry of a cursor, a line each.
    public mutating func cursorRows(_ rows: RowBlock) {
        rows.forEachValue { column, value in
            literal(column == 0 ? #"{"type":"row","row":["# : ",")
            self.value(value)
            if column == rows.columnCount - 1 { literal("]}\n") }
        }
    }

    mutating func columns(_ columns: [SQLResult.Column]) {
        if let latestColumns, latestColumns.columns == columns { return json(latestColumns.json) }
        let start = count
        literal("[")
        for index in columns.indices {
            literal(index > 0 ? #",{"name":"# : #"{"name":"#)
            string(columns[index].name)
            literal(#","decltype":"#)
            string(columns[index].declaredType)
            literal("}")
        }
        literal("]")
        latestColumns = (columns, bytes(from: start))
    }

    mutating func rowID(_ id: Int64?) {
        guard let id else { return literal("null") }
        literal("\"")
        integer(id)
        literal("\"")
    }

    /// Writes a StmtResult.
    ///
    /// - Throws: `SQLError` with code `RESPONSE_TOO_LARGE`; what was written so far stays.
    public mutating func statementResult(_ result: SQLResult, limit: ResponseLimit) throws(SQLError) {
        literal(#"{"cols":"#)
        columns(result.columns)
        literal(#","rows":["#)
        try rows(result.rowBlock, limit)
        literal(#"],"affected_row_count":"#)
        integer(result.affectedRows)
        literal(#","last_insert_rowid":"#)
        rowID(result.lastInsertRowID)
        literal(#","replication_index":null,"rows_read":"#)
        integer(result.rowsRead)
        literal(#","rows_written":"#)
        integer(result.rowsWritten)
        literal(#","query_duration_ms":"#)
        milliseconds(result.nanoseconds)
        literal("}")
    }

    /// Writes them as milliseconds, to the microsecond.
    private mutating func milliseconds(_ nanoseconds: Int64) {
        let microseconds = max(0, nanoseconds) / 1_000
        integer(microseconds / 1_000)
        let rest = Int(microseconds % 1_000)
        decimals(rest / 100, rest / 10 % 10, rest % 10)
    }

    /// Writes a BatchResult.
    ///
    /// - Throws: `SQLError` with code `RESPONSE_TOO_LARGE`; what was written so far stays.
    public mutating func batchResult(_ result: BatchResult, limit: ResponseLimit) throws(SQLError) {
        literal(#"{"step_results":["#)
        for (index, step) in result.steps.enumerated() {
            if index > 0 { literal(",") }
            if case .succeeded(let answer) = step {
                try statementResult(answer, limit: limit)
            } else {
                literal("null")
            }
        }
        literal(#"],"step_errors":["#)
        for (index, step) in result.steps.enumerated() {
            if index > 0 { literal(",") }
            if case .failed(let problem) = step { error(problem) } else { literal("null") }
        }
        literal("]}")
    }

    /// Writes a DescribeResult.
    public mutating func describeResult(_ description: SQLDescription) {
        literal(#"{"params":["#)
        for (index, name) in description.parameters.enumerated() {
            literal(index > 0 ? #",{"name":"# : #"{"name":"#)
            string(name)
            literal("}")
        }
        literal(#"],"cols":"#)
        columns(description.columns)
        literal(#","is_explain":"#)
        bool(description.isExplain)
        literal(#","is_readonly":"#)
        bool(description.isReadOnly)
        literal("}")
    }

    /// Writes an Error: `{"message","code"}`, and `extended_code` where SQLite has one.
    public mutating func error(_ error: SQLError) {
        literal(#"{"message":"#)
        string(error.message)
        codes(of: error.code)
        literal("}")
    }

    /// Writes the members of an error that tell its code.
    mutating func codes(of code: String) {
        literal(#","code":"#)
        guard let primary = HranaErrorCode.primary(of: code) else { return string(code) }
        string(primary)
        literal(#","extended_code":"#)
        string(code)
    }
}

extension RowBlock.Value {
    /// Bytes of JSON it takes at least.
    fileprivate var leastBytes: Int {
        switch self {
        case .null, .integer, .real: 0
        case .text(let utf8): utf8.count
        case .blob(let bytes): Base64.encodedCount(bytes.count)
        }
    }
}
