import FleetModel

/// Reads one JSON array or object per line.
///
/// Numbers become integers when they are, else floats; integers beyond 64 bits become their digits; true and false become 1
/// and 0; an array or object inside a row becomes its JSON text. A member that an object lacks is NULL. Without names from
/// the query the members of the first object name the columns.
struct NDJSONReader: Sendable {
    private let bytes: [UInt8]
    private var offset = 0
    private var line = 0
    private var width: Int?
    private var places: [ExactText: Int] = [:]
    private(set) var columns: [String]?

    /// - Throws: `malformed_request` for a first line that cannot be read.
    init(_ bytes: [UInt8], _ options: LoadOptions) throws(BerthError) {
        self.bytes = bytes
        if let columns = options.columns { try name(columns) }
        // The first object names the columns; its row is read again.
        var ahead = self
        _ = try ahead.next(1)
        width = ahead.width
        if columns == nil, let named = ahead.columns { try name(named) }
    }

    mutating func next(_ count: Int) throws(BerthError) -> [[SQLValue]] {
        var rows: [[SQLValue]] = []
        while rows.count < count, let text = nextLine() { rows.append(try row(text)) }
        return rows
    }

    private mutating func name(_ columns: [String]) throws(BerthError) {
        self.columns = columns
        width = columns.count
        for (index, column) in columns.enumerated() where places.updateValue(index, forKey: ExactText(column)) != nil {
            throw BerthError(.malformedRequest, "The column “\(column.prefix(80))” is named twice. Nothing was loaded.")
        }
    }

    /// Lines with nothing but white space are skipped.
    private mutating func nextLine() -> [UInt8]? {
        while offset < bytes.count {
            let end = bytes[offset...].firstIndex(of: 0x0A) ?? bytes.count
            let text = bytes[offset..<end]
            offset = end + 1
            line += 1
            if text.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) { return Array(text) }
        }
        return nil
    }

    private mutating func row(_ text: [UInt8]) throws(BerthError) -> [SQLValue] {
        var reader = JSONReader(text)
        let row: [SQLValue]
        do throws(JSONError) {
            switch try reader.peekKind() {
            case .array: row = try reader.readLoadArray()
            case .object:
                let members = try reader.readLoadObject()
                row = try inOrder(members)
            case let kind: throw JSONError(.unexpectedKind(kind, expected: .array), at: reader.offset)
            }
            try reader.finish()
        } catch {
            throw malformed("\(error).")
        }
        if let width, row.count != width { throw malformed("The row has \(row.count) values, not \(width).") }
        width = row.count
        return row
    }

    private mutating func inOrder(_ members: [(name: String, value: SQLValue)]) throws(JSONError) -> [SQLValue] {
        if columns == nil {
            guard width == nil else { throw JSONError(.unexpectedKind(.object, expected: .array), at: 0) }
            columns = members.map(\.name)
            for (index, member) in members.enumerated() where places.updateValue(index, forKey: ExactText(member.name)) != nil {
                throw JSONError(.duplicateMember(member.name), at: 0)
            }
            return members.map(\.value)
        }
        var row = [SQLValue](repeating: .null, count: places.count)
        var seen = Set<Int>()
        for member in members {
            guard let place = places[ExactText(member.name)] else { throw JSONError(.unknownMember(member.name), at: 0) }
            guard seen.insert(place).inserted else { throw JSONError(.duplicateMember(member.name), at: 0) }
            row[place] = member.value
        }
        return row
    }

    private func malformed(_ message: String) -> BerthError {
        BerthError(.malformedRequest, "Line \(line): \(message) Nothing was loaded.")
    }
}

extension JSONReader {
    fileprivate mutating func readLoadArray() throws(JSONError) -> [SQLValue] {
        var row: [SQLValue] = []
        try beginArray()
        while try nextElement() { row.append(try readLoadValue()) }
        return row
    }

    fileprivate mutating func readLoadObject() throws(JSONError) -> [(name: String, value: SQLValue)] {
        var members: [(name: String, value: SQLValue)] = []
        try beginObject()
        while let name = try nextKey() { members.append((name, try readLoadValue())) }
        return members
    }

    private mutating func readLoadValue() throws(JSONError) -> SQLValue {
        switch try peekKind() {
        case .null:
            _ = try readNull()
            return .null
        case .boolean: return .integer(try readBool() ? 1 : 0)
        case .string: return .text(try readString())
        case .number:
            let start = offset
            let lexeme = try readNumberLexeme()
            guard lexeme.isInteger else { return try revisit(start) { (reader: inout JSONReader) throws(JSONError) in .real(try reader.readDouble()) } }
            let digits = String(decoding: bytes[lexeme.range], as: UTF8.self)
            return Int64(digits).map { .integer($0) } ?? .text(digits)
        case .array, .object:
            let start = offset
            try skipValue()
            return .text(String(decoding: bytes[start..<offset], as: UTF8.self))
        }
    }
}
