/// An element of a small XML document: an S3 answer.
///
/// Knows what S3 servers write: elements, attributes (skipped), text, entities, CDATA, comments and declarations. A
/// document type is refused.
struct XMLElement: Sendable {
    /// Without its namespace prefix.
    let name: String
    /// The text directly in this element.
    var text = ""
    var children: [XMLElement] = []

    struct SyntaxError: Error {
        let reason: String
    }

    /// The first child of a name.
    subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// - Throws: `SyntaxError`, also for a document that ends early.
    static func parse(_ bytes: [UInt8]) throws(SyntaxError) -> XMLElement {
        var parser = XMLParser(rest: bytes[...])
        return try parser.document()
    }

    /// Text as it is written between tags.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&apos;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
