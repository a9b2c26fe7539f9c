import FleetModel
import Testing

@Suite struct ExactTextTests {
    static let (composed, decomposed) = ("\u{E9}", "e\u{301}")

    @Test func textsAreEqualWhenTheirBytesAre() {
        let texts = [Self.composed, Self.decomposed, "e", "e\0", "", "\0", String(repeating: "x", count: 40), String(repeating: "x", count: 41)]
        for (left, leftText) in texts.enumerated() {
            for (right, rightText) in texts.enumerated() {
                #expect((ExactText(leftText) == ExactText(rightText)) == (left == right))
                #expect((SQLValue.text(leftText) == .text(rightText)) == (left == right))
                #expect((SQLStatement(leftText) == SQLStatement(rightText)) == (left == right))
                #expect((SQLResult.Column(name: "", declaredType: leftText) == .init(name: "", declaredType: rightText)) == (left == right))
            }
        }
        #expect(Set(texts.map { ExactText($0) }).count == texts.count)
        #expect(Set(texts.map(SQLValue.text)).count == texts.count)
        #expect(Set(texts.map { NamedArgument(name: $0, value: .null) }).count == texts.count)
        #expect(Set(texts.map { SQLResult.Column(name: $0, declaredType: nil) }).count == texts.count)
        #expect(Set(texts.map { RepeatedStatement($0, arguments: []) }).count == texts.count)
        #expect(Set(texts.map { SQLStatement($0) }).count == texts.count)
    }

    @Test func partsAreFoundByTheirBytes() {
        let mark = "\u{301}"
        #expect("a\"\(mark)b\"".replacing(bytesOf: "\"", with: "\"\"").hasSameBytes(as: "a\"\"\(mark)b\"\""))
        #expect("a,\(mark)b,".parts(separatedBy: UInt8(ascii: ",")) == ["a", "\(mark)b", ""])
        #expect("a.b.c".parts(separatedBy: UInt8(ascii: "."), maxSplits: 1) == ["a", "b.c"])
        #expect("".parts(separatedBy: UInt8(ascii: ".")) == [""])
        #expect(":\(mark)x".withoutFirstByte.hasSameBytes(as: "\(mark)x"))
        #expect("abcabc".offset(ofBytes: "cab") == 2 && "abc".offset(ofBytes: "d") == nil && "".offset(ofBytes: "a") == nil)
        #expect("x--\(mark)".contains(bytesOf: "--"))
        #expect("aaa".replacing(bytesOf: "aa", with: "b") == "ba")
        #expect("abab".replacing(bytesOf: "ab", with: "") == "")
    }
}
