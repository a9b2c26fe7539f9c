import Foundation

extension JSONReader {
    public mutating func readString() throws(JSONError) -> String {
        let token = try readStringToken()
        if token.isASCII || token.unescaped != nil {
            // Already known to be UTF-8: decoding changes nothing.
            return token.withBytes(of: bytes) { String(decoding: $0, as: UTF8.self) }
        }
        let text = token.withBytes(of: bytes) { String(validating: $0, as: UTF8.self) }
        guard let text else { throw JSONError(.invalidUTF8, at: firstInvalidUTF8(in: token.source) ?? token.source.lowerBound) }
        return text
    }

    /// Reads a string that is likely to be the one read by this function before.
    mutating func readSQL() throws(JSONError) -> String {
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "\""), let (sql, end) = repeatedSQL(at: offset + 1) {
            offset = end + 1
            return sql
        }
        try expect(.string)
        let start = offset + 1
        let sql = try readString()
        latestSQL = (sql, start..<offset - 1)
        return sql
    }

    /// The text of the last statement if it is spelled here again, and where its closing quote is.
    func repeatedSQL(at start: Int) -> (sql: String, end: Int)? {
        guard let latestSQL, case let count = latestSQL.source.count, bytes.count - start > count else { return nil }
        let isSame = bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress, base[start + count] == UInt8(ascii: "\"") else { return false }
            return memcmp(base + latestSQL.source.lowerBound, base + start, count) == 0
        }
        return isSame ? (latestSQL.text, start + count) : nil
    }

    mutating func skipString() throws(JSONError) {
        let token = try readStringToken()
        if !token.isASCII { try checkUTF8(token.source) }
    }

    /// Reads a string and hands out its UTF-8, valid only inside `body`.
    mutating func readStringBytes<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) throws(JSONError) -> Value {
        let token = try readStringToken()
        if !token.isASCII { try checkUTF8(token.source) }
        return token.withBytes(of: bytes, body)
    }

    /// A string between its quotes.
    private struct StringToken {
        /// Where it stands in the text, without the quotes.
        var source: Range<Int>
        var isASCII: Bool
        /// Its bytes with escapes replaced, and checked; `nil` when it has no escapes.
        var unescaped: [UInt8]?

        func withBytes<Value>(of text: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
            if let unescaped { return unescaped.withUnsafeBufferPointer(body) }
            return text.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[source])) }
        }
    }

    private mutating func readStringToken() throws(JSONError) -> StringToken {
        try expect(.string)
        let start = offset + 1
        var (end, isASCII) = firstSpecial(from: start)
        guard end < bytes.count else { throw JSONError(.unexpectedEnd, at: end) }
        if bytes[end] == UInt8(ascii: "\"") {
            offset = end + 1
            return StringToken(source: start..<end, isASCII: isASCII, unescaped: nil)
        }

        var unescaped = Array(bytes[start..<end])
        offset = end
        while bytes[offset] != UInt8(ascii: "\"") {
            guard bytes[offset] == UInt8(ascii: "\\") else { throw error(.controlCharacter(bytes[offset])) }
            try readEscape(into: &unescaped)
            let run = firstSpecial(from: offset)
            end = run.index
            isASCII = isASCII && run.isASCII
            unescaped.append(contentsOf: bytes[offset..<end])
            offset = end
            guard offset < bytes.count else { throw error(.unexpectedEnd) }
        }
        if !isASCII { try checkUTF8(start..<end) }
        offset += 1
        return StringToken(source: start..<end, isASCII: isASCII, unescaped: unescaped)
    }

    private mutating func readEscape(into output: inout [UInt8]) throws(JSONError) {
        let start = offset
        guard start + 1 < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
        offset += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): output.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): output.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): output.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): output.append(0x08)
        case UInt8(ascii: "f"): output.append(0x0C)
        case UInt8(ascii: "n"): output.append(0x0A)
        case UInt8(ascii: "r"): output.append(0x0D)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "u"):
            var code = try readHexadecimal4(escapeAt: start)
            if code & 0xF800 == 0xD800 {
                guard code < 0xDC00, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                    bytes[offset + 1] == UInt8(ascii: "u")
                else { throw JSONError(.loneSurrogate, at: start) }
                let second = offset
                offset += 2
                let low = try readHexadecimal4(escapeAt: second)
                guard low & 0xFC00 == 0xDC00 else { throw JSONError(.loneSurrogate, at: start) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            // Surrogates are gone and two of them reach at most 0x10FFFF.
            guard let scalar = Unicode.Scalar(code) else { throw JSONError(.loneSurrogate, at: start) }
            output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default: throw JSONError(.invalidEscape, at: start)
        }
    }

    private mutating func readHexadecimal4(escapeAt start: Int) throws(JSONError) -> UInt32 {
        guard offset + 4 <= bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
        var code: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw JSONError(.invalidEscape, at: start)
            }
            code = code << 4 | UInt32(digit)
        }
        offset += 4
        return code
    }

    private func firstSpecial(from start: Int) -> (index: Int, isASCII: Bool) {
        bytes.withUnsafeBytes { StringBytes.firstSpecial(in: $0, from: start, to: $0.count) }
    }

    private func firstInvalidUTF8(in range: Range<Int>) -> Int? {
        bytes.withUnsafeBytes { UTF8Validation.firstInvalid(in: $0, from: range.lowerBound, to: range.upperBound) }
    }

    private func checkUTF8(_ range: Range<Int>) throws(JSONError) {
        if let invalid = firstInvalidUTF8(in: range) { throw JSONError(.invalidUTF8, at: invalid) }
    }
}
