import FleetModel

/// The classes of values that a column was given so far. Each has a column of its own among the staged rows, so that DuckDB
/// casts every value from what it is.
struct ValueClasses: OptionSet, Hashable {
    let rawValue: UInt8

    static let integer = ValueClasses(rawValue: 1)
    static let real = ValueClasses(rawValue: 2)
    static let text = ValueClasses(rawValue: 4)
    static let blob = ValueClasses(rawValue: 8)
    static let all: [ValueClasses] = [.integer, .real, .text, .blob]

    /// None for NULL.
    init(of value: SQLValue) {
        self =
            switch value {
            case .null: []
            case .integer: .integer
            case .real: .real
            case .text: .text
            case .blob: .blob
            }
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The number of DuckDB's type for one class.
    var type: DuckDBType.ID {
        switch self {
        case .real: .double
        case .text: .varchar
        case .blob: .blob
        default: .bigint
        }
    }
}
