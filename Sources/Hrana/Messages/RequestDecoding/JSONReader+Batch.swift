import FleetModel

private let batchMembers = KnownMembers("steps")
private let stepMembers = KnownMembers("condition", "stmt")
private let conditionMembers = KnownMembers("type", "step", "cond", "conds")

extension JSONReader {
    /// Reads a batch; the first thing that is wrong with one of its steps alone is the failure.
    mutating func readBatch() throws(JSONError) -> Result<Batch, SQLError> {
        try beginObject()
        let start = offset - 1
        var steps: Result<[Batch.Step], SQLError>?
        var known = batchMembers
        while let key = try nextKey(of: &known) {
            switch key {
            case "steps": steps = try readSteps()
            default: try skipValue()
            }
        }
        guard let steps else { throw JSONError(.missingMember("steps"), at: start) }
        return steps.map(Batch.init(steps:))
    }

    private mutating func readSteps() throws(JSONError) -> Result<[Batch.Step], SQLError> {
        var steps: [Batch.Step] = []
        var failure: SQLError?
        var index = 0
        try beginArray()
        while try nextElement() {
            switch try readStep(index) {
            case .success(let step): steps.append(step)
            case .failure(let error):
                failure = failure ?? SQLError(code: error.code, message: "Step \(index): \(error.message)")
            }
            index += 1
        }
        if let failure { return .failure(failure) }
        return .success(steps)
    }

    private mutating func readStep(_ index: Int) throws(JSONError) -> Result<Batch.Step, SQLError> {
        let start = offset
        var known = stepMembers
        var condition: BatchCondition?
        var statement: Result<HranaStatement, SQLError>?
        if let step = beginPlainStep() {
            known.takeFirst(2)
            condition = .succeeded(step: Int(step))
            statement = try readStatement()
        } else {
            try beginObject()
        }
        while let key = try nextKey(of: &known) {
            switch key {
            case "condition": condition = try readNull() ? nil : try readCondition()
            case "stmt": statement = try readStatement()
            default: try skipValue()
            }
        }
        guard let statement else { throw JSONError(.missingMember("stmt"), at: start) }
        if let other = condition?.firstStepNotBefore(index) {
            throw JSONError(.stepNotBefore(other, step: index), at: start)
        }
        return statement.map { Batch.Step($0, condition: condition) }
    }

    private mutating func readCondition() throws(JSONError) -> BatchCondition {
        if let step = readPlainSuccessCondition() { return .succeeded(step: Int(step)) }
        try beginObject()
        let start = offset - 1
        var type: String?
        var typeOffset = start
        var step: UInt32?
        var inner: BatchCondition?
        var list: [BatchCondition]?
        var known = conditionMembers
        while let key = try nextKey(of: &known) {
            switch key {
            case "type":
                typeOffset = offset
                type = try readString()
            case "step": step = try readInteger(UInt32.self)
            case "cond": inner = try readCondition()
            case "conds":
                var conditions: [BatchCondition] = []
                try beginArray()
                while try nextElement() { conditions.append(try readCondition()) }
                list = conditions
            default: try skipValue()
            }
        }

        func require<Value>(_ value: Value?, _ name: String) throws(JSONError) -> Value {
            guard let value else { throw JSONError(.missingMember(name), at: start) }
            return value
        }
        switch try require(type, "type") {
        case "ok": return .succeeded(step: Int(try require(step, "step")))
        case "error": return .failed(step: Int(try require(step, "step")))
        case "not": return .not(try require(inner, "cond"))
        case "and": return .all(try require(list, "conds"))
        case "or": return .any(try require(list, "conds"))
        case "is_autocommit": return .isAutocommit
        case let name: throw JSONError(.unknownType(name), at: typeOffset)
        }
    }
}
