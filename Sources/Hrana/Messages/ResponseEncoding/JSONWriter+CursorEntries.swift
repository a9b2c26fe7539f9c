public import FleetModel

/// The lines of the response to `POST /v3/cursor`: each function writes one, with its newline.
extension JSONWriter {
    /// The first line, which is not an entry.
    public mutating func cursorOpening(baton: String?, baseURL: String?) {
        literal(#"{"baton":"#)
        string(baton)
        literal(#","base_url":"#)
        string(baseURL)
        literal("}\n")
    }

    public mutating func cursorStepBegin(step: Int, columns: [SQLResult.Column]) {
        literal(#"{"type":"step_begin","step":"#)
        integer(step)
        literal(#","cols":"#)
        self.columns(columns)
        literal("}\n")
    }

    public mutating func cursorStepEnd(affectedRows: Int64, lastInsertRowID: Int64?) {
        literal(#"{"type":"step_end","affected_row_count":"#)
        integer(affectedRows)
        literal(#","last_insert_rowid":"#)
        rowID(lastInsertRowID)
        literal("}\n")
    }

    public mutating func cursorStepError(step: Int, _ error: SQLError) {
        literal(#"{"type":"step_error","step":"#)
        integer(step)
        literal(#","error":"#)
        self.error(error)
        literal("}\n")
    }

    /// The last line of an answer that is complete. What it is called means nothing any more.
    public mutating func cursorEnd() { literal("{\"type\":\"replication_index\",\"replication_index\":null}\n") }

    /// The batch as a whole failed; no line follows.
    public mutating func cursorError(_ error: SQLError) {
        literal(#"{"type":"error","error":"#)
        self.error(error)
        literal("}\n")
    }
}
