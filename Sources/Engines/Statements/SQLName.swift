import FleetModel

/// Names and texts as both engines write and compare them: by their bytes.
enum SQLName {
    /// As an identifier.
    static func quoted(_ name: String) -> String { "\"" + name.replacing(bytesOf: "\"", with: "\"\"") + "\"" }

    /// As a text.
    static func literal(_ text: String) -> String { "'" + text.replacing(bytesOf: "'", with: "''") + "'" }

    /// The same for all names that an engine takes for one: only ASCII letters have two cases.
    static func folded(_ name: String) -> ExactText {
        ExactText(
            String(decoding: name.utf8.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0 }, as: UTF8.self))
    }
}
