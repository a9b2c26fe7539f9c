public import FleetModel

/// The rows in the body of `POST /v1/load`, as they are asked for.
public struct LoadRows: Sendable {
    private enum Source: Sendable {
        case csv(CSVReader)
        case ndjson(NDJSONReader)
    }

    private var source: Source

    /// - Throws: `malformed_request` for a beginning that cannot be read.
    public init(_ body: [UInt8], _ options: LoadOptions) throws(BerthError) {
        source =
            switch options.format {
            case .csv: .csv(try CSVReader(body, options))
            case .ndjson: .ndjson(try NDJSONReader(body, options))
            }
    }

    /// Those the rows have; `nil` when nothing names them.
    public var columns: [String]? {
        switch source {
        case .csv(let reader): reader.columns
        case .ndjson(let reader): reader.columns
        }
    }

    /// Up to `count` more rows; none at the end.
    ///
    /// - Throws: `malformed_request` with the line.
    public mutating func next(_ count: Int) throws(BerthError) -> [[SQLValue]] {
        switch source {
        case .csv(var reader):
            defer { source = .csv(reader) }
            return try reader.next(count)
        case .ndjson(var reader):
            defer { source = .ndjson(reader) }
            return try reader.next(count)
        }
    }
}
