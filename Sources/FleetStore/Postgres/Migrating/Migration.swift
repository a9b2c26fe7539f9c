import Crypto

/// One numbered step of the schema. Once released its text never changes; a correction is a new migration.
public struct Migration: Sendable, Hashable {
    /// From 1, without gaps.
    public let number: Int
    public let name: String
    /// Run in one transaction, so without BEGIN, COMMIT or what cannot run inside one.
    public let sql: String

    public init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }

    /// The oldest number of migrations a program may know to go on working on the schema this one leaves behind; `nil` when only
    /// programs that know it may. Said in the text by a line `-- compatible_from: N`.
    public var compatibleFrom: Int? {
        let marker = "-- compatible_from:"
        guard let line = sql.split(separator: "\n").first(where: { $0.hasPrefix(marker) }) else { return nil }
        return Int(line.dropFirst(marker.count).filter { $0 != " " })
    }

    /// SHA-256 of the text in lower-case hexadecimal.
    public var checksum: String {
        var text: [UInt8] = []
        HexText.append(SHA256.hash(data: [UInt8](sql.utf8)), to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
