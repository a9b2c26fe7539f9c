import Logging

/// One log record, its metadata flattened to text and sorted by key.
struct LogRecord {
    let time: WallTime
    let level: Logger.Level
    let label: String
    let message: String
    let fields: [(key: String, value: String)]

    /// The record as one line with its line feed.
    func line(_ format: LogFormat) -> [UInt8] {
        var text = switch format {
        case .text: textLine
        case .json: jsonLine
        }
        text += "\n"
        return Array(text.utf8)
    }

    private var textLine: String {
        var text = "\(time.rfc3339) \(level.rawValue.uppercased()) \(label) \(Self.escape(message, quotes: false))"
        for (key, value) in fields { text += " \(Self.word(key))=\(Self.word(value))" }
        return text
    }

    private var jsonLine: String {
        var members = [
            ("time", time.rfc3339), ("level", level.rawValue), ("label", label), ("message", message),
        ]
        let reserved = Set(members.map(\.0))
        for (key, value) in fields {
            // A JSON object must not have a key twice.
            members.append((reserved.contains(key) ? key + "_" : key, value))
        }
        return "{" + members.map { "\(Self.quoted($0)):\(Self.quoted($1))" }.joined(separator: ",") + "}"
    }

    /// As it is when it cannot be misread, otherwise quoted.
    private static func word(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.unicodeScalars.allSatisfy { scalar in
            scalar.value > 0x20 && scalar.value != 0x7f && scalar != "\"" && scalar != "=" && scalar != "\\"
        }
        return isPlain ? text : quoted(text)
    }

    private static func quoted(_ text: String) -> String { "\"" + escape(text, quotes: true) + "\"" }

    /// Escapes as JSON does; a record is one line whatever is in it, and cannot drive a terminal.
    private static func escape(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where quotes: escaped += "\\\""
            case "\\" where quotes: escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\r": escaped += "\\r"
            case "\t": escaped += "\\t"
            case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x2028
                || scalar.value == 0x2029:
                let hex = String(scalar.value, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
