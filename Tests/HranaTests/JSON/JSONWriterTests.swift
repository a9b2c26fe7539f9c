import BerthTestKit
import Foundation
import Hrana
import Testing

@Suite struct JSONWriterTests {
    private func written(_ string: String) -> String {
        var writer = JSONWriter()
        writer.string(string)
        return text(writer.bytes)
    }

    @Test(arguments: [
        ("", #""""#),
        ("plain text of more than eight bytes", #""plain text of more than eight bytes""#),
        ("\u{0}\u{1}\u{1F}\u{7F}", "\"\\u0000\\u0001\\u001f\u{7F}\""),
        ("\"\\/\u{8}\u{C}\n\r\t", #""\"\\/\b\f\n\r\t""#),
        ("é漢🚀\u{2028}", "\"é漢🚀\u{2028}\""),
        ("1234567\"9", #""1234567\"9""#),
    ])
    func escapesWhatMustBeEscaped(_ string: String, _ expected: String) {
        #expect(written(string) == expected)
    }

    @Test func anotherReaderUnderstandsEveryString() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var string = ""
            for _ in 0..<Int.random(in: 0...40, using: &generator) {
                let limit: UInt32 = [0x22, 0x7F, 0xFFFF, 0x10FFFF].randomElement(using: &generator) ?? 0
                if let scalar = Unicode.Scalar(UInt32.random(in: 0...limit, using: &generator)) {
                    string.unicodeScalars.append(scalar)
                }
            }
            let output = written(string)
            let parsed = try JSONSerialization.jsonObject(with: Data(output.utf8), options: .fragmentsAllowed)
            #expect((parsed as? String).map { Array($0.utf8) } == Array(string.utf8))
            var reader = JSONReader(utf8(output))
            #expect(try Array(reader.readString().utf8) == Array(string.utf8))
        }
    }

    @Test func truncatesToAnEarlierLength() {
        var writer = JSONWriter()
        writer.literal("[1")
        let mark = writer.count
        writer.literal(",2")
        writer.truncate(to: mark)
        writer.literal("]")
        #expect(text(writer.bytes) == "[1]")
    }
}
