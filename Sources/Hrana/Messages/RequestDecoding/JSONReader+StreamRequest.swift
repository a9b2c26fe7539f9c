import FleetModel

private let streamRequestMembers = KnownMembers("type", "stmt", "batch", "sql", "sql_id")

extension JSONReader {
    /// Reads one request of a stream, whatever the order of its members.
    mutating func readStreamRequest(version: HranaVersion) throws(JSONError) -> StreamRequest {
        let start = offset
        var known = streamRequestMembers
        var type: String?
        var typeOffset = start
        var statement: Result<HranaStatement, SQLError>?
        if beginPlainExecute() {
            known.takeFirst(2)
            type = "execute"
            statement = try readStatement()
        } else {
            try beginObject()
        }
        var batch: Result<Batch, SQLError>?
        var sql: String?
        var sqlID: Int32?
        while let key = try nextKey(of: &known) {
            switch key {
            case "type":
                typeOffset = offset
                type = try readString()
            case "stmt": statement = try readStatement()
            case "batch": batch = try readBatch()
            case "sql": sql = try readNull() ? nil : try readString()
            case "sql_id": sqlID = try readNull() ? nil : try readInteger(Int32.self)
            default: try skipValue()
            }
        }

        func require<Value>(_ value: Value?, _ name: String) throws(JSONError) -> Value {
            guard let value else { throw JSONError(.missingMember(name), at: start) }
            return value
        }
        let name = try require(type, "type")
        switch name {
        case "execute":
            switch try require(statement, "stmt") {
            case .success(let statement): return .execute(statement)
            case .failure(let error): return .invalid(type: name, error)
            }
        case "batch":
            switch try require(batch, "batch") {
            case .success(let batch): return .batch(batch)
            case .failure(let error): return .invalid(type: name, error)
            }
        case "sequence", "describe":
            switch SQLText.make(sql: sql, id: sqlID) {
            case .success(let text): return name == "sequence" ? .sequence(text) : .describe(text)
            case .failure(let error): return .invalid(type: name, error)
            }
        case "store_sql": return .storeSQL(id: try require(sqlID, "sql_id"), sql: try require(sql, "sql"))
        case "close_sql": return .closeSQL(id: try require(sqlID, "sql_id"))
        case "get_autocommit":
            guard version.rawValue >= HranaVersion.three.rawValue else {
                return .invalid(
                    type: name,
                    SQLError(
                        code: HranaErrorCode.sqlInputError,
                        message: "get_autocommit needs version 3 of the protocol. Send it to /v3/pipeline."))
            }
            return .getAutocommit
        case "close": return .close
        default: throw JSONError(.unknownType(name), at: typeOffset)
        }
    }
}

extension SQLText {
    /// One of `sql` and `sql_id`, and exactly one.
    static func make(sql: String?, id: Int32?) -> Result<SQLText, SQLError> {
        switch (sql, id) {
        case (let sql?, nil): .success(.inline(sql))
        case (nil, let id?): .success(.stored(id))
        case (nil, nil):
            .failure(SQLError(code: HranaErrorCode.sqlInputError, message: "Neither sql nor sql_id is given."))
        case (_?, _?):
            .failure(SQLError(code: HranaErrorCode.sqlInputError, message: "Give either sql or sql_id, not both."))
        }
    }
}
