import BerthTestKit
import Foundation

@testable import Hrana

/// The JSON reader against Foundation's: the same texts are accepted, and with the same values.
enum JSONFuzz {
    static let target = FuzzTarget(
        "json", seeds: seeds.map { Array($0.utf8) },
        words: [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d\\ude80", "\\udc00", "null", "true", "false", "1e", "-", "\u{FEFF}",
            "é", "\u{1}", "\"a\":",
        ], check: check)

    private static let seeds = [
        #"{"a":[1,-2.5e+3,true,false,null,"x"],"b":{"c":{}},"":[[],[0]]}"#, #""\u00e9\ud83d\ude80\"\\\/\b\f\n\r\t""#, " 0 ", "null",
        #"[18446744073709551615,-9223372036854775808,1e308,5e-324,0.1,-0]"#, "[\"é漢🚀\u{7F}\"]",
    ]

    indirect enum Value: Equatable {
        case null, bool(Bool), number(Double), string(String), array([Value]), object([(name: String, value: Value)])

        /// Strings by their bytes: to Swift, two spellings of é are equal.
        static func == (one: Value, other: Value) -> Bool {
            switch (one, other) {
            case (.null, .null): true
            case (.bool(let a), .bool(let b)): a == b
            // Foundation reads long numbers by way of decimals, which round in their own way.
            case (.number(let a), .number(let b)): a == b || abs(a - b) < abs(a) * 1e-12
            // Foundation drops some byte-order marks from strings.
            case (.string(let a), .string(let b)):
                a.utf8.elementsEqual(b.utf8)
                    || a.unicodeScalars.filter { $0 != "\u{FEFF}" } == b.unicodeScalars.filter { $0 != "\u{FEFF}" }
            case (.array(let a), .array(let b)): a == b
            case (.object(let a), .object(let b)):
                a.count == b.count && zip(a, b).allSatisfy { $0.name.utf8.elementsEqual($1.name.utf8) && $0.value == $1.value }
            default: false
            }
        }
    }

    @Sendable private static func check(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
        let value: Value?
        do throws(JSONError) {
            var reader = JSONReader(bytes)
            let read = try readValue(&reader)
            try reader.finish()
            value = read
        } catch {
            value = nil
            try hold((0...bytes.count).contains(error.offset), "an error at \(error.offset) of \(bytes.count)")
        }
        try hold(isSkipped(bytes) == (value != nil), "skipping is not as strict as reading")
        let other = foundationValue(bytes)
        if let value {
            // Foundation refuses numbers that no `Double` holds and knows only one member of a name.
            guard let other, !hasSpecial(value) else { return try accept(value, other) }
            try hold(value == other, "Foundation reads something else")
        } else {
            try hold(other == nil || mayDiffer(bytes), "Foundation accepts it")
        }
        return value == nil ? .refused : .accepted
    }

    private static func accept(_ value: Value, _ other: Value?) throws -> FuzzTarget.Verdict {
        try hold(other != nil || hasSpecial(value), "Foundation refuses it")
        return .accepted
    }

    private static func readValue(_ reader: inout JSONReader) throws(JSONError) -> Value {
        switch try reader.peekKind() {
        case .null:
            _ = try reader.readNull()
            return .null
        case .boolean: return .bool(try reader.readBool())
        case .number: return .number(try reader.readDouble())
        case .string: return .string(try reader.readString())
        case .array:
            var values: [Value] = []
            try reader.beginArray()
            while try reader.nextElement() { values.append(try readValue(&reader)) }
            return .array(values)
        case .object:
            var members: [(name: String, value: Value)] = []
            try reader.beginObject()
            while let key = try reader.nextKey() { members.append((key, try readValue(&reader))) }
            return .object(members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) })
        }
    }

    private static func isSkipped(_ bytes: [UInt8]) -> Bool {
        var reader = JSONReader(bytes)
        do throws(JSONError) {
            try reader.skipValue()
            try reader.finish()
            return true
        } catch { return false }
    }

    /// Infinite, or with two members of a name that Swift takes for equal, or with a byte-order mark in a name, which
    /// Foundation drops.
    private static func hasSpecial(_ value: Value) -> Bool {
        switch value {
        case .number(let number): number.isInfinite
        case .array(let values): values.contains(where: hasSpecial)
        case .object(let members):
            Set(members.map(\.name)).count < members.count
                || members.contains { $0.name.unicodeScalars.contains("\u{FEFF}") || hasSpecial($0.value) }
        default: false
        }
    }

    /// A comma, and nothing after it before the end of its array or object.
    private static func hasTrailingComma(_ bytes: [UInt8]) -> Bool {
        bytes.indices.contains { index in
            guard bytes[index] == UInt8(ascii: ",") else { return false }
            let next = bytes[(index + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
            return next == UInt8(ascii: "]") || next == UInt8(ascii: "}")
        }
    }

    /// What Foundation takes and RFC 8259 does not oblige anybody to, or forbids: other encodings, a byte-order mark, deep
    /// nesting, a comma at the end.
    private static func mayDiffer(_ bytes: [UInt8]) -> Bool {
        var depth = 0, deepest = 0
        for byte in bytes {
            if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { depth -= 1 }
            deepest = max(deepest, depth)
        }
        return bytes.contains(0) || bytes.starts(with: [0xEF, 0xBB, 0xBF]) || bytes.starts(with: [0xFE, 0xFF])
            || bytes.starts(with: [0xFF, 0xFE]) || deepest > JSONReader.defaultMaximumDepth || hasTrailingComma(bytes)
    }

    private static func foundationValue(_ bytes: [UInt8]) -> Value? {
        guard let object = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) else { return nil }
        return value(of: object)
    }

    private static func value(of object: Any) -> Value? {
        switch object {
        case is NSNull: return .null
        case let text as String: return .string(text)
        case let number as NSNumber:
            // A boolean is a number, too; only the type it was made of tells.
            return String(cString: number.objCType) == "c" ? .bool(number.boolValue) : .number(number.doubleValue)
        case let array as [Any]: return .array(array.compactMap(value(of:)))
        case let members as [String: Any]:
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            return .object(sorted.compactMap { member in value(of: member.value).map { (member.key, $0) } })
        default: return nil
        }
    }
}
