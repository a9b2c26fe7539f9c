import FleetModel

extension DuckDBVector {
    /// The JSON of a value: a LIST or ARRAY is an array, a STRUCT an object (without names, an array), a MAP an object whose names are the texts of its
    /// keys, a UNION an object with the one member it has. Numbers are numbers with all their digits, JSON stays what it
    /// is, everything else is a string.
    func json(_ row: Int) -> String {
        var json = ""
        append(row, to: &json)
        return json
    }

    private func append(_ row: Int, to json: inout String) {
        if isNull(row) {
            json += "null"
            return
        }
        switch type.id {
        case .list, .array:
            Self.list(elements(row), in: ("[", "]"), &json) { children[0].append($0, to: &$1) }
        case .map:
            Self.list(elements(row), in: ("{", "}"), &json) { element, json in
                children[0].appendName(element, to: &json)
                children[1].append(element, to: &json)
            }
        case .struct where type.isTuple:
            Self.list(children.indices, in: ("[", "]"), &json) { children[$0].append(row, to: &$1) }
        case .struct:
            Self.list(children.indices, in: ("{", "}"), &json) { field, json in
                Self.appendString(type.children[field].name, to: &json)
                json += ":"
                children[field].append(row, to: &json)
            }
        case .union:
            let member = member(row)
            json += "{"
            Self.appendString(type.children[member].name, to: &json)
            json += ":"
            children[member].append(row, to: &json)
            json += "}"
        case .boolean, .tinyint, .smallint, .integer, .bigint, .utinyint, .usmallint, .uinteger, .ubigint, .hugeint, .uhugeint,
            .decimal:
            json += text(row)
        case .float: appendReal(Double(load(row, as: Float.self)), row, to: &json)
        case .double: appendReal(load(row), row, to: &json)
        case .varchar where type.isJSON: json += text(row)
        default: Self.appendString(text(row), to: &json)
        }
    }

    /// JSON has no numbers for these.
    private func appendReal(_ real: Double, _ row: Int, to json: inout String) {
        if real.isFinite { json += text(row) } else { Self.appendString(text(row), to: &json) }
    }

    private func appendName(_ row: Int, to json: inout String) {
        Self.appendString(text(row), to: &json)
        json += ":"
    }

    private static func list(
        _ indices: Range<Int>, in brackets: (String, String), _ json: inout String, _ each: (Int, inout String) -> Void
    ) {
        json += brackets.0
        for index in indices {
            if index > indices.lowerBound { json += "," }
            each(index, &json)
        }
        json += brackets.1
    }

    private static func appendString(_ string: String, to json: inout String) {
        json += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case "\r": json += "\\r"
            case "\t": json += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: json.unicodeScalars.append(scalar)
            }
        }
        json += "\""
    }
}
