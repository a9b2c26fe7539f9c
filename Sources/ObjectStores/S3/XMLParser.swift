/// Reads a document from front to back; see `XMLElement`.
struct XMLParser {
    private static let deepest = 32
    var rest: ArraySlice<UInt8>

    mutating func document() throws(XMLElement.SyntaxError) -> XMLElement {
        var open: [XMLElement] = []
        while true {
            let text = take { $0 != UInt8(ascii: "<") }
            if open.isEmpty {
                // White space and a byte-order mark.
                guard text.allSatisfy({ $0 <= 0x20 || $0 >= 0x80 }) else { throw failure("text before the first element") }
            } else {
                open[open.count - 1].text += try Self.decode(text)
            }
            if skip("<?") {
                _ = try take(until: "?>")
            } else if skip("<!--") {
                _ = try take(until: "-->")
            } else if skip("<![CDATA[") {
                let data = try take(until: "]]>")
                guard !open.isEmpty else { throw failure("text before the first element") }
                open[open.count - 1].text += try Self.string(Self.withPlainLineEnds(data))
            } else if skip("</") {
                let name = try Self.localName(take(until: ">"))
                guard let closed = open.popLast(), closed.name == name else { throw failure("</\(name)> closes nothing") }
                guard !open.isEmpty else { return closed }
                open[open.count - 1].children.append(closed)
            } else if skip("<") {
                let (name, isEmpty) = try startTag()
                let element = XMLElement(name: name)
                if !isEmpty {
                    guard open.count < Self.deepest else { throw failure("nested too deep") }
                    open.append(element)
                } else if open.isEmpty {
                    return element
                } else {
                    open[open.count - 1].children.append(element)
                }
            } else {
                throw failure("the document ends early")
            }
        }
    }

    /// After the `<`.
    private mutating func startTag() throws(XMLElement.SyntaxError) -> (name: String, isEmpty: Bool) {
        guard rest.first != UInt8(ascii: "!") else { throw failure("a document type") }
        var tag: [UInt8] = []
        var quote: UInt8?
        while let byte = rest.popFirst() {
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                let isEmpty = tag.last == UInt8(ascii: "/")
                return (try Self.localName((isEmpty ? tag.dropLast() : tag[...]).prefix { $0 > 0x20 }), isEmpty)
            }
            tag.append(byte)
        }
        throw failure("a tag does not end")
    }

    private mutating func take(while condition: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let taken = rest.prefix(while: condition)
        rest = rest[taken.endIndex...]
        return taken
    }

    private mutating func take(until end: String) throws(XMLElement.SyntaxError) -> ArraySlice<UInt8> {
        var position = rest.startIndex
        while position < rest.endIndex {
            if rest[position...].starts(with: end.utf8) {
                let taken = rest[..<position]
                rest = rest[(position + end.utf8.count)...]
                return taken
            }
            position += 1
        }
        throw failure("“\(end)” is missing")
    }

    private mutating func skip(_ token: String) -> Bool {
        guard rest.starts(with: token.utf8) else { return false }
        rest = rest.dropFirst(token.utf8.count)
        return true
    }

    private static func localName(_ bytes: ArraySlice<UInt8>) throws(XMLElement.SyntaxError) -> String {
        let name = try string(bytes.prefix { $0 > 0x20 })
        guard !name.isEmpty else { throw XMLElement.SyntaxError(reason: "an element without a name") }
        return name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
    }

    private static func string(_ bytes: ArraySlice<UInt8>) throws(XMLElement.SyntaxError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw XMLElement.SyntaxError(reason: "not UTF-8")
        }
        return text
    }

    /// Every end of a line as a line feed (XML 1.0, 2.11); what is meant otherwise is written as an entity.
    private static func withPlainLineEnds(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard bytes.contains(0x0D) else { return bytes }
        var plain: [UInt8] = []
        for (index, byte) in zip(bytes.indices, bytes) {
            if byte == 0x0A, index > bytes.startIndex, bytes[index - 1] == 0x0D { continue }
            plain.append(byte == 0x0D ? 0x0A : byte)
        }
        return plain[...]
    }

    /// Replaces entities.
    private static func decode(_ bytes: ArraySlice<UInt8>) throws(XMLElement.SyntaxError) -> String {
        let bytes = withPlainLineEnds(bytes)
        guard bytes.contains(UInt8(ascii: "&")) else { return try string(bytes) }
        var parser = XMLParser(rest: bytes)
        var text = ""
        while true {
            text += try string(parser.take { $0 != UInt8(ascii: "&") })
            guard parser.skip("&") else { return text }
            let entity = try string(parser.take(until: ";"))
            switch entity {
            case "amp": text += "&"
            case "lt": text += "<"
            case "gt": text += ">"
            case "quot": text += "\""
            case "apos": text += "'"
            default:
                let isHexadecimal = entity.hasPrefix("#x")
                let digits = entity.dropFirst(isHexadecimal ? 2 : 1)
                // A sign is no digit, and not every scalar is a character (XML 1.0, 2.2).
                guard entity.hasPrefix("#"), digits.allSatisfy(\.isHexDigit),
                    let code = UInt32(digits, radix: isHexadecimal ? 16 : 10), let scalar = Unicode.Scalar(code),
                    code >= 0x20 || [0x09, 0x0A, 0x0D].contains(code)
                else { throw XMLElement.SyntaxError(reason: "the entity “&\(entity.prefix(80));”") }
                text.unicodeScalars.append(scalar)
            }
        }
    }

    private func failure(_ reason: String) -> XMLElement.SyntaxError { XMLElement.SyntaxError(reason: reason) }
}
