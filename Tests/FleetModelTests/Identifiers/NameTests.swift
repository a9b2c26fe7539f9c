import BerthTestKit
import FleetModel
import Foundation
import Testing

@Suite
struct NameTests {
    static let valid = [
        "a", "0", "9z", "a-b", "a--b", "shop", "1-2-3", "x" + String(repeating: "-", count: 61) + "y",
        String(repeating: "a", count: 63), "xn--nxasmq6b",
    ]
    static let invalid = [
        "", "-", "-a", "a-", "A", "Shop", "a_b", "a.b", "a b", " a", "a ", "a\n", "a\u{0}", "ä", "ａ", "а", "é", "a\u{301}", "日本",
        "a/b", "../a", "a%20", "😀", "a\u{200B}b", "ﬀ", "①", String(repeating: "a", count: 64), String(repeating: "a", count: 10_000),
    ]

    @Test(arguments: valid)
    func labelsAreNames(_ text: String) throws {
        #expect(try DatabaseName(text).description == text)
        #expect(try NodeName(text).description == text)
        #expect(try DatabaseName(Substring(text)) == DatabaseName(text))
        let encoded = try JSONEncoder().encode([try NodeName(text)])
        #expect(String(decoding: encoded, as: UTF8.self) == "[\"\(text)\"]")
        #expect(try JSONDecoder().decode([NodeName].self, from: encoded) == [try NodeName(text)])
        #expect(try JSONDecoder().decode([DatabaseName].self, from: encoded) == [try DatabaseName(text)])
    }

    @Test(arguments: invalid)
    func nothingElseIs(_ text: String) throws {
        var codes: [BerthError.Code] = []
        do { _ = try DatabaseName(text) } catch { codes.append(error.code) }
        do { _ = try NodeName(text) } catch { codes.append(error.code) }
        #expect(codes == [.invalidDatabaseName, .invalidNodeName])
        let encoded = try JSONEncoder().encode([text])
        #expect(throws: BerthError.self) { try JSONDecoder().decode([DatabaseName].self, from: encoded) }
        #expect(throws: BerthError.self) { try JSONDecoder().decode([NodeName].self, from: encoded) }
    }

    /// A refusal quotes what was refused, cut so that no log is flooded.
    @Test func aRefusalIsShort() throws {
        do { _ = try DatabaseName(String(repeating: "A", count: 100_000)) } catch {
            #expect(error.message.count < 300 && error.message.contains("AAAA"))
            #expect(error.code.httpStatus == 400)
        }
    }

    /// Every string of the alphabet's edges against the rule written as a pattern.
    @Test(arguments: Array(UInt64(1)...8))
    func theRuleIsThatOfDNS(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("az09-`{/:A_.")
        for _ in 0..<2000 {
            let length = [0, 1, 2, 3, 5, 62, 63, 64].randomElement(using: &generator) ?? 0
            // Mostly of the first five characters, so that long ones have a chance.
            let text = String(
                (0..<length).map { _ in alphabet[Int.random(in: 0..<(Int.random(in: 0..<60, using: &generator) == 0 ? 12 : 5), using: &generator)] })
            let isLabel = (1...63).contains(text.utf8.count) && text.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789-".contains($0) }
                && text.first != "-" && text.last != "-"
            #expect(((try? DatabaseName(text)) != nil) == isLabel)
            #expect(((try? NodeName(text)) != nil) == isLabel)
        }
    }

    @Test func nodesAreOrderedByTheirBytes() throws {
        let names = try ["a", "a-b", "a0", "aa", "b"].map { try NodeName($0) }
        #expect(names.shuffled().sorted() == names)
    }
}
