import AdminAPI
import ArgumentParser
import Foundation

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table
    case json

    /// Prints `value` as JSON, or the text `table` makes of it.
    func print<Value: Encodable>(_ value: Value, table: (Value) -> String) throws {
        switch self {
        case .table: Swift.print(table(value))
        case .json: Swift.print(try Self.json(value))
        }
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = ResourceCoding.encoder()
        encoder.outputFormatting.insert(.prettyPrinted)
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
