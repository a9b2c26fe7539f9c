import Foundation

/// Finds a name that the outermost object of a JSON text has twice.
///
/// Foundation's decoder keeps one of the two and says nothing; whoever reads the request before or after us may keep the
/// other. The text is known to be valid JSON in UTF-8, so strings and brackets are all there is to look at.
enum RepeatedMember {
    /// The first name that is there again, however it is escaped; `nil` when there is none.
    static func find(in json: [UInt8]) -> String? {
        var seen: Set<[UInt8]> = []
        var depth = 0
        var index = 0
        while index < json.count {
            switch json[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""):
                let string = index..<endOfString(in: json, from: index)
                index = string.upperBound
                guard depth == 1, isName(endingAt: index, in: json), let name = unescaped(json[string]) else { continue }
                // By its bytes: to Swift, two spellings of é are one string.
                if !seen.insert(Array(name.utf8)).inserted { return name }
                continue
            default: break
            }
            index += 1
        }
        return nil
    }

    /// Behind the closing quote.
    private static func endOfString(in json: [UInt8], from start: Int) -> Int {
        var index = start + 1
        while index < json.count, json[index] != UInt8(ascii: "\"") {
            index += json[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, json.count)
    }

    private static func isName(endingAt end: Int, in json: [UInt8]) -> Bool {
        json[end...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: ":")
    }

    private static func unescaped(_ string: ArraySlice<UInt8>) -> String? {
        if !string.contains(UInt8(ascii: "\\")) { return String(decoding: string.dropFirst().dropLast(), as: UTF8.self) }
        return try? JSONDecoder().decode(String.self, from: Data(string))
    }
}
