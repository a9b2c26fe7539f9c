import FleetModel

/// Why an argument is no value, although it is JSON.
enum ValueProblem: Error, Hashable {
    case notAnObject
    case missing(String)
    case unknownType(String)
    case notAnInteger
    case notANumber
    case notText
    case notBase64

    func sqlError(argument: String) -> SQLError {
        let explanation =
            switch self {
            case .notAnObject: "is not an object with a type."
            case .missing(let member): "misses “\(member)”."
            case .unknownType(let name): "has the unknown type “\(name.prefix(80))”. Use null, integer, float, text or blob."
            case .notAnInteger: "is not an integer of 64 bits, given as a string of decimal digits."
            case .notANumber: "is not a number."
            case .notText: "is not a string."
            case .notBase64: "is not a string of standard Base64."
            }
        return SQLError(code: HranaErrorCode.argumentsInvalid, message: "Argument \(argument) \(explanation)")
    }
}

private let valueMembers = KnownMembers("type", "value", "base64")

extension JSONReader {
    /// Reads `{"type":…,"value":…}` or `{"type":"blob","base64":…}`, whatever the order of the members.
    mutating func readSQLValue() throws(JSONError) -> Result<SQLValue, ValueProblem> {
        if let value = try readPlainValue() { return .success(value) }
        guard try peekKind() == .object else {
            try skipValue()
            return .failure(.notAnObject)
        }
        var type: String?
        var valueOffset: Int?
        var base64Offset: Int?
        // What was read while its type was already known, which is the usual order, and the place it was read from.
        var read: (value: Result<SQLValue, ValueProblem>, type: String, offset: Int)?
        try beginObject()
        var known = valueMembers
        while let key = try nextKey(of: &known) {
            let place = offset
            switch key {
            case "type": type = try readString()
            case "value":
                valueOffset = place
                if let type, type != "blob" { read = (try readContent(of: type), type, place) } else { try skipValue() }
            case "base64":
                base64Offset = place
                if type == "blob" { read = (try readContent(of: "blob"), "blob", place) } else { try skipValue() }
            default: try skipValue()
            }
        }

        guard let type else { return .failure(.missing("type")) }
        if type == "null" { return .success(.null) }
        guard ["integer", "float", "text", "blob"].contains(type) else { return .failure(.unknownType(type)) }
        let member = type == "blob" ? "base64" : "value"
        guard let place = type == "blob" ? base64Offset : valueOffset else { return .failure(.missing(member)) }
        if let read, read.type == type, read.offset == place { return read.value }
        return try revisit(place) { (reader: inout JSONReader) throws(JSONError) in try reader.readContent(of: type) }
    }

    private mutating func readContent(of type: String) throws(JSONError) -> Result<SQLValue, ValueProblem> {
        let kind = try peekKind()
        switch (type, kind) {
        case ("text", .string): return .success(.text(try readString()))
        case ("integer", .string):
            let value = try readStringBytes { DecimalInteger.parse($0, as: Int64.self) }
            guard let value else { return .failure(.notAnInteger) }
            return .success(.integer(value))
        case ("integer", .number):
            let lexeme = try readNumberLexeme()
            guard lexeme.isInteger, let value = DecimalInteger.parse(bytes[lexeme.range], as: Int64.self) else {
                return .failure(.notAnInteger)
            }
            return .success(.integer(value))
        case ("float", .number): return .success(.real(try readDouble()))
        case ("blob", .string):
            let blob = try readStringBytes { Base64.standard.decode($0) }
            guard let blob else { return .failure(.notBase64) }
            return .success(.blob(blob))
        default:
            try skipValue()
            switch type {
            case "text": return .failure(.notText)
            case "integer": return .failure(.notAnInteger)
            case "float": return .failure(.notANumber)
            case "blob": return .failure(.notBase64)
            case "null": return .success(.null)
            default: return .failure(.unknownType(type))
            }
        }
    }
}
