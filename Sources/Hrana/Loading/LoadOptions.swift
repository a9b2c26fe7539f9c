public import FleetModel

/// What `POST /v1/load` asks for in its query, besides the rows in its body.
///
/// `table=NAME`, and optionally `columns=a,b`, `format=csv|ndjson` (csv), and for CSV `header=true|false` (true), `delimiter=,` (one
/// byte) and `null=TEXT` (nothing). Names are percent-encoded; a comma in a column's name is not possible.
public struct LoadOptions: Sendable, Hashable {
    public enum Format: String, Sendable {
        case csv
        /// A JSON array, or an object with the columns' names, per line.
        case ndjson
    }

    public var table: String
    /// `nil` for those that the rows themselves name, or all of the table.
    public var columns: [String]?
    public var format = Format.csv
    /// The first line has the names of the columns.
    public var hasHeader = true
    public var delimiter = UInt8(ascii: ",")
    /// A field with this text, without quotes, is NULL; so is one without any.
    public var null = ""

    public init(table: String) { self.table = table }

    /// - Throws: `malformed_request` for a parameter that is missing, unknown, given twice or not possible.
    public init(query: String?) throws(BerthError) {
        var given: [String: String] = [:]
        for pair in (query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0]), let value = PercentEncoding.decode(parts.count > 1 ? parts[1] : "") else {
                throw Self.malformed("“\(pair.prefix(80))” is not properly percent-encoded.")
            }
            guard Self.names.contains(name) else {
                throw Self.malformed("There is no parameter “\(name.prefix(80))”. There are: \(Self.names.joined(separator: ", ")).")
            }
            guard given.updateValue(value, forKey: name) == nil else { throw Self.malformed("“\(name)” was given twice.") }
        }
        guard let table = given["table"], !table.isEmpty else { throw Self.malformed("Name the table: ?table=NAME.") }
        self.table = table
        if let names = given["columns"] {
            let columns = names.parts(separatedBy: UInt8(ascii: ","))
            guard !columns.contains("") else { throw Self.malformed("“columns” has an empty name.") }
            self.columns = columns
        }
        if let name = given["format"] {
            guard let format = Format(rawValue: name) else { throw Self.malformed("“format” is csv or ndjson.") }
            self.format = format
        }
        if format == .ndjson, let name = ["header", "delimiter", "null"].first(where: { given[$0] != nil }) {
            throw Self.malformed("“\(name)” is for CSV.")
        }
        if let text = given["header"] {
            guard let flag = Bool(text) else { throw Self.malformed("“header” is true or false.") }
            hasHeader = flag
        }
        if let text = given["delimiter"] {
            guard text.utf8.count == 1, let byte = text.utf8.first, !Self.reserved.contains(byte) else {
                throw Self.malformed("“delimiter” is one byte, and neither a quote nor the end of a line.")
            }
            delimiter = byte
        }
        if let text = given["null"] { null = text }
    }

    private static let names = ["table", "columns", "format", "header", "delimiter", "null"]
    private static let reserved: [UInt8] = [UInt8(ascii: "\""), 0x0A, 0x0D]

    private static func malformed(_ message: String) -> BerthError { BerthError(.malformedRequest, message) }
}
