import FleetModel

/// Reads comma-separated values as RFC 4180 has them: quotes double inside quotes, lines end with LF or CRLF, and a line break in
/// quotes belongs to the text.
///
/// A field without quotes that is empty, or the text that stands for it, is NULL; one in quotes is a text, also an empty
/// one. Everything else is a text: what it becomes is up to the column's type. Lines without anything are skipped.
struct CSVReader: Sendable {
    private let bytes: [UInt8]
    private let options: LoadOptions
    private var offset = 0
    private var line = 1
    private var width: Int?
    private(set) var columns: [String]?

    /// - Throws: `malformed_request` for a header that is none.
    init(_ bytes: [UInt8], _ options: LoadOptions) throws(BerthError) {
        self.bytes = bytes
        self.options = options
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
        columns = options.columns
        width = columns?.count
        guard options.hasHeader else { return }
        guard let header = try readRow() else { throw malformed("There is no header. Send one, or ask with header=false.") }
        let names = header.map { value in if case .text(let name) = value { name } else { "" } }
        guard columns == nil else { return }
        guard !names.contains("") else { throw malformed("The header has a column without a name.") }
        columns = names
        width = names.count
    }

    mutating func next(_ count: Int) throws(BerthError) -> [[SQLValue]] {
        var rows: [[SQLValue]] = []
        while rows.count < count, let row = try readRow() { rows.append(row) }
        return rows
    }

    /// `nil` at the end.
    private mutating func readRow() throws(BerthError) -> [SQLValue]? {
        skipEmptyLines()
        guard offset < bytes.count else { return nil }
        let start = line
        var row: [SQLValue] = []
        row.reserveCapacity(width ?? 8)
        while true {
            row.append(try readField())
            guard offset < bytes.count, bytes[offset] == options.delimiter else { break }
            offset += 1
        }
        skipLineEnd()
        if let width, row.count != width {
            throw malformed("The row has \(row.count) fields, not \(width).", at: start)
        }
        width = row.count
        return row
    }

    private mutating func readField() throws(BerthError) -> SQLValue {
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") { return .text(try readQuoted()) }
        let start = offset
        while offset < bytes.count, bytes[offset] != options.delimiter, bytes[offset] != 0x0A {
            if bytes[offset] == UInt8(ascii: "\"") { throw malformed("A quote stands inside a field that does not begin with one.") }
            offset += 1
        }
        var end = offset
        if end > start, bytes[end - 1] == 0x0D, offset == bytes.count || bytes[offset] == 0x0A { end -= 1 }
        let text = try text(bytes[start..<end])
        return text.isEmpty || text.hasSameBytes(as: options.null) ? .null : .text(text)
    }

    private mutating func readQuoted() throws(BerthError) -> String {
        let opening = line
        offset += 1
        var field: [UInt8] = []
        var start = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x0A { line += 1 }
            offset += 1
            guard byte == UInt8(ascii: "\"") else { continue }
            // The first of two belongs to the text.
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") {
                field += bytes[start..<offset]
                offset += 1
                start = offset
                continue
            }
            field += bytes[start..<(offset - 1)]
            guard isAtFieldEnd else { throw malformed("Something follows the closing quote of a field.") }
            return try text(field[...])
        }
        throw malformed("A quote is never closed.", at: opening)
    }

    private var isAtFieldEnd: Bool {
        guard offset < bytes.count else { return true }
        let byte = bytes[offset]
        return byte == options.delimiter || byte == 0x0A || byte == 0x0D && (offset + 1 == bytes.count || bytes[offset + 1] == 0x0A)
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(BerthError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed("A field is not UTF-8.") }
        return text
    }

    private mutating func skipEmptyLines() {
        while offset < bytes.count {
            if bytes[offset] == 0x0A {
                offset += 1
            } else if bytes[offset] == 0x0D, offset + 1 < bytes.count, bytes[offset + 1] == 0x0A {
                offset += 2
            } else {
                return
            }
            line += 1
        }
    }

    private mutating func skipLineEnd() {
        if offset < bytes.count, bytes[offset] == 0x0D { offset += 1 }
        if offset < bytes.count, bytes[offset] == 0x0A {
            offset += 1
            line += 1
        }
    }

    private func malformed(_ message: String, at line: Int? = nil) -> BerthError {
        BerthError(.malformedRequest, "Line \(line ?? self.line): \(message) Nothing was loaded.")
    }
}
