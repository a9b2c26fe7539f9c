import FleetModel

private let statementMembers = KnownMembers("sql", "sql_id", "args", "named_args", "want_rows")
private let namedArgumentMembers = KnownMembers("name", "value")

extension JSONReader {
    /// Reads a statement; what is wrong with its SQL or arguments alone is the failure.
    mutating func readStatement() throws(JSONError) -> Result<HranaStatement, SQLError> {
        var known = statementMembers
        var sql = beginPlainStatement()
        if sql == nil { try beginObject() } else { known.takeFirst(1) }
        var sqlID: Int32?
        var positional: Result<[SQLValue], SQLError> = .success([])
        var named: Result<[NamedArgument], SQLError> = .success([])
        var wantsRows = true
        while let key = try nextKey(of: &known) {
            switch key {
            case "sql": sql = try readNull() ? nil : try readSQL()
            case "sql_id": sqlID = try readNull() ? nil : try readInteger(Int32.self)
            case "args": positional = try readNull() ? .success([]) : try readPositionalArguments()
            case "named_args": named = try readNull() ? .success([]) : try readNamedArguments()
            case "want_rows": wantsRows = try readNull() ? true : try readBool()
            default: try skipValue()
            }
        }

        do throws(SQLError) {
            let text = try SQLText.make(sql: sql, id: sqlID).get()
            let values = try positional.get()
            let pairs = try named.get()
            let arguments: SQLArguments
            switch (values.isEmpty, pairs.isEmpty) {
            // Clients send an empty array for the kind they do not use.
            case (true, true): arguments = .none
            case (false, true): arguments = .positional(values)
            case (true, false): arguments = .named(pairs)
            case (false, false):
                throw SQLError(
                    code: HranaErrorCode.argumentsBothPositionalAndNamed,
                    message: "A statement takes either args or named_args, not both.")
            }
            return .success(HranaStatement(text, arguments: arguments, wantsRows: wantsRows))
        } catch {
            return .failure(error)
        }
    }

    private mutating func readPositionalArguments() throws(JSONError) -> Result<[SQLValue], SQLError> {
        var values: [SQLValue] = []
        var failure: SQLError?
        var count = 0
        try beginArray()
        if latestArgumentCount > 0 { values.reserveCapacity(latestArgumentCount) }
        while try nextElement() {
            count += 1
            switch try readSQLValue() {
            case .success(let value): values.append(value)
            case .failure(let problem): failure = failure ?? problem.sqlError(argument: String(count))
            }
        }
        // Few: a request must not take much memory with one long list and many short ones.
        latestArgumentCount = min(count, 16)
        if let failure { return .failure(failure) }
        return .success(values)
    }

    private mutating func readNamedArguments() throws(JSONError) -> Result<[NamedArgument], SQLError> {
        var arguments: [NamedArgument] = []
        var failure: SQLError?
        try beginArray()
        while try nextElement() {
            var name: String?
            var value: Result<SQLValue, ValueProblem>?
            try beginObject()
            var known = namedArgumentMembers
            while let key = try nextKey(of: &known) {
                switch key {
                case "name": name = try readString()
                case "value": value = try readSQLValue()
                default: try skipValue()
                }
            }
            switch (name, value) {
            case (let name?, .success(let value)?): arguments.append(NamedArgument(name: name, value: value))
            case (nil, _): failure = failure ?? ValueProblem.missing("name").sqlError(argument: "without a name")
            case (let name?, nil): failure = failure ?? ValueProblem.missing("value").sqlError(argument: "“\(name.prefix(80))”")
            case (let name?, .failure(let problem)?): failure = failure ?? problem.sqlError(argument: "“\(name.prefix(80))”")
            }
        }
        if let failure { return .failure(failure) }
        return .success(arguments)
    }
}
