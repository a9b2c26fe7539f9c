public import Foundation
import Telemetry

/// How resources are written as JSON: `snake_case`, members in the order of their names.
public enum ResourceCoding {
    public static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    public static func decoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    static func bytes(of resource: some Encodable) throws -> [UInt8] { [UInt8](try encoder().encode(resource)) }

    /// RFC 3339 in UTC with milliseconds.
    static func timestamp(_ date: Date) -> String {
        WallTime(millisecondsSince1970: Int64((date.timeIntervalSince1970 * 1000).rounded(.down))).rfc3339
    }
}
