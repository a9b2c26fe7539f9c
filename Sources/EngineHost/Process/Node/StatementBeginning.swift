import FleetModel

/// The beginning of the first statement of a request, for people: without the values in it.
enum StatementBeginning {
    /// Characters that are told.
    static let length = 80
    /// Bytes of a request that are looked through for it, and of a statement that are read.
    private static let searched = 64 << 10, read = 512

    /// - Parameter body: JSON, or anything.
    /// - Returns: `nil` when there is no statement at its beginning.
    static func of(_ body: [UInt8]) -> String? {
        let bytes = body.prefix(searched)
        let key = Array("\"sql\"".utf8)
        guard var index = bytes.firstRange(of: key)?.upperBound else { return nil }
        func skip(_ isSkipped: (UInt8) -> Bool) { while index < bytes.endIndex, isSkipped(bytes[index]) { index += 1 } }
        skip { $0 <= 0x20 || $0 == UInt8(ascii: ":") }
        guard index < bytes.endIndex, bytes[index] == UInt8(ascii: "\"") else { return nil }
        let start = index + 1
        var text: [UInt8] = []
        index = start
        while index < bytes.endIndex, index - start < read, bytes[index] != UInt8(ascii: "\"") {
            let byte = bytes[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < bytes.endIndex else {
                text.append(byte)
                continue
            }
            text.append([UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/")].contains(bytes[index]) ? bytes[index] : 0x20)
            index += bytes[index] == UInt8(ascii: "u") ? 5 : 1
        }
        let told = String(withoutValues(String(decoding: text, as: UTF8.self)).prefix(length)).trimmingWhitespace
        return told.isEmpty ? nil : told
    }

    /// Texts and numbers as `…`, white space as one space.
    private static func withoutValues(_ sql: String) -> String {
        var told = "", isText = false, wasWord = false
        for character in sql {
            if isText {
                if character == "'" {
                    isText = false
                    told += "…'"
                }
                continue
            }
            if character == "'" {
                isText = true
                told += "'"
            } else if character.isWhitespace {
                if told.last != " " { told += " " }
            } else if character.isASCII && character.isNumber && !wasWord {
                if told.last != "…" { told += "…" }
                continue
            } else {
                told.append(character)
            }
            wasWord = character.isLetter || character == "_" || wasWord && character.isNumber
        }
        return isText ? told + "…" : told
    }
}

extension String {
    fileprivate var trimmingWhitespace: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
