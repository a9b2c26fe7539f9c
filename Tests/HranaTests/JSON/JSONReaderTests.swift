import BerthTestKit
import Hrana
import Testing

@Suite struct JSONReaderTests {
    /// Reads the text and forgets it; strictness is the same as when it is kept.
    private func skip(_ bytes: [UInt8], maximumDepth: Int = JSONReader.defaultMaximumDepth) throws(JSONError) {
        var reader = JSONReader(bytes, maximumDepth: maximumDepth)
        try reader.skipValue()
        try reader.finish()
    }

    private func readString(_ text: String) throws(JSONError) -> String {
        var reader = JSONReader(utf8(text))
        let string = try reader.readString()
        try reader.finish()
        return string
    }

    @Test(arguments: [
        "null", " true ", "\t\r\nfalse", "0", "-0", "-0.0e-0", "10", "1.25E+2", "[]", "[ ]", "{}", "{ }", "[1,2 , 3]",
        #"{"a":{"b":[null,{}]},"a":1}"#, #""""#, #""\u0000\"\\\/\b\f\n\r\t""#, #""\uD83D\uDE80""#, "\"é漢🚀\u{7F}\"",
    ])
    func acceptsValidTexts(_ text: String) throws {
        try skip(utf8(text))
    }

    @Test(arguments: [
        ("", JSONError(.unexpectedEnd, at: 0)),
        ("  ", JSONError(.unexpectedEnd, at: 2)),
        ("nul", JSONError(.unexpectedEnd, at: 3)),
        ("nuLl", JSONError(.unexpectedByte(UInt8(ascii: "L")), at: 2)),
        ("01", JSONError(.trailingBytes, at: 1)),
        ("1.", JSONError(.unexpectedEnd, at: 2)),
        ("-", JSONError(.unexpectedEnd, at: 1)),
        ("-x", JSONError(.invalidNumber, at: 1)),
        ("1e+]", JSONError(.invalidNumber, at: 3)),
        ("+1", JSONError(.unexpectedByte(UInt8(ascii: "+")), at: 0)),
        ("NaN", JSONError(.unexpectedByte(UInt8(ascii: "N")), at: 0)),
        ("[1,]", JSONError(.unexpectedByte(UInt8(ascii: "]")), at: 3)),
        ("[,1]", JSONError(.unexpectedByte(UInt8(ascii: ",")), at: 1)),
        ("[1 2]", JSONError(.unexpectedByte(UInt8(ascii: "2")), at: 3)),
        ("[1}", JSONError(.unexpectedByte(UInt8(ascii: "}")), at: 2)),
        (#"{"a":1,}"#, JSONError(.unexpectedByte(UInt8(ascii: "}")), at: 7)),
        (#"{"a" 1}"#, JSONError(.unexpectedByte(UInt8(ascii: "1")), at: 5)),
        ("{1:2}", JSONError(.unexpectedKind(.number, expected: .string), at: 1)),
        ("{} {}", JSONError(.trailingBytes, at: 3)),
        ("\"a\u{0A}b\"", JSONError(.controlCharacter(0x0A), at: 2)),
        (#""abc\x""#, JSONError(.invalidEscape, at: 4)),
        (#""\u12G4""#, JSONError(.invalidEscape, at: 1)),
        (#""ab\ud800""#, JSONError(.loneSurrogate, at: 3)),
        (#""\ud800\u0041""#, JSONError(.loneSurrogate, at: 1)),
        (#""\udc00\ud800""#, JSONError(.loneSurrogate, at: 1)),
        (#""abc"#, JSONError(.unexpectedEnd, at: 4)),
        (#""abc\"#, JSONError(.unexpectedEnd, at: 5)),
        ("\u{FEFF}{}", JSONError(.unexpectedByte(0xEF), at: 0)),
    ])
    func refusesInvalidTextsWithTheirPosition(_ text: String, _ expected: JSONError) {
        #expect(throws: expected) { try skip(utf8(text)) }
    }

    @Test(arguments: [
        [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80],
        [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
    ] as [[UInt8]])
    func refusesInvalidUTF8(_ sequence: [UInt8]) {
        let prefixes = ["", "abcdefgh", "é", "漢🚀 and sixteen plain bytes", #"\n"#]
        for prefix in prefixes {
            let body = utf8("\"" + prefix) + sequence + utf8("\"")
            let expected = JSONError(.invalidUTF8, at: 1 + prefix.utf8.count)
            #expect(throws: expected) { try skip(body) }
            #expect(throws: expected) {
                var reader = JSONReader(body)
                _ = try reader.readString()
            }
        }
    }

    @Test func readsEveryScalarRawAndEscaped() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<500 {
            let scalars = (0..<Int.random(in: 0...24, using: &generator)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: 0...([0x7F, 0x7FF, 0xFFFF, 0x10FFFF].randomElement(using: &generator) ?? 0), using: &generator))
            }
            var expected = ""
            var source = "\""
            for scalar in scalars {
                expected.unicodeScalars.append(scalar)
                if scalar.value < 0x20 || scalar == "\"" || scalar == "\\" || Bool.random(using: &generator) {
                    for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                        let digits = String(unit, radix: 16, uppercase: Bool.random(using: &generator))
                        source += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                    }
                } else {
                    source.unicodeScalars.append(scalar)
                }
            }
            #expect(try Array(readString(source + "\"").unicodeScalars) == Array(expected.unicodeScalars))
        }
    }

    @Test func limitsDepth() throws {
        let limit = JSONReader.defaultMaximumDepth
        func nested(_ depth: Int) -> [UInt8] {
            utf8(String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
        }
        try skip(nested(limit))
        #expect(throws: JSONError(.tooDeep(limit: limit), at: limit)) { try skip(nested(limit + 1)) }
        #expect(throws: JSONError(.tooDeep(limit: 2), at: 14)) {
            try skip(utf8(#"{"a":[1],"b":[{}]}"#), maximumDepth: 2)
        }
        // Not even on request is it unlimited.
        #expect(throws: JSONError(.tooDeep(limit: JSONReader.greatestMaximumDepth), at: JSONReader.greatestMaximumDepth)) {
            try skip(nested(1_000_000), maximumDepth: .max)
        }
        // Depth is what is open, not what was seen.
        try skip(utf8("[" + String(repeating: "[],", count: 1_000) + "[]]"), maximumDepth: 2)
    }

    @Test func readsMembersAndElementsInOrder() throws {
        var reader = JSONReader(utf8(#" { "a" : [ 1 , -2 ] , "b" : true , "c" : null , "d" : 2.5 } "#))
        var seen: [String] = []
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch try reader.peekKind() {
            case .array:
                try reader.beginArray()
                while try reader.nextElement() { seen.append("\(key)=\(try reader.readInteger(Int8.self))") }
            case .boolean: seen.append("\(key)=\(try reader.readBool())")
            case .null: seen.append("\(key)=\(try reader.readNull())")
            default: seen.append("\(key)=\(try reader.readDouble())")
            }
        }
        try reader.finish()
        #expect(seen == ["a=1", "a=-2", "b=true", "c=true", "d=2.5"])
    }

    @Test func aValueThatIsNotReadIsAnError() {
        #expect(throws: JSONError(.unexpectedByte(UInt8(ascii: "1")), at: 5)) {
            var reader = JSONReader(utf8(#"{"a":1}"#))
            try reader.beginObject()
            _ = try reader.nextKey()
            _ = try reader.nextKey()
        }
    }
}
