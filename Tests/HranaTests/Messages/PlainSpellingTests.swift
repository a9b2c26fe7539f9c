import BerthTestKit
import FleetModel
import Hrana
import Testing

/// Requests in the spelling of client libraries are read in large steps: with the same result as in any other spelling.
@Suite struct PlainSpellingTests {
    private static let texts = [
        "SELECT 1", "SELECT 1 ", "SELECT 10", "", #"SELECT \"a\" FROM t\n"#, #"SELECT 'gr\u00fcn'"#, "SELECT 'grün 🌱'", #"\\\""#,
    ]
    private static let values = [
        #"{"type":"null"}"#, #"{"type":"integer","value":"-7"}"#, #"{"type":"integer","value":"9223372036854775807"}"#,
        #"{"type":"integer","value":7}"#, #"{"type":"float","value":-0.25}"#, #"{"type":"text","value":"a\"b"}"#,
        #"{"type":"text","value":"]}}"}"#, #"{"type":"blob","base64":"AAEC"}"#, #"{"type":"integer","value":"x"}"#, "5",
    ]

    private static func statement(_ random: inout SeededGenerator) -> String {
        let values = (0..<Int.random(in: 0...4, using: &random)).map { _ in Self.values.randomElement(using: &random) ?? "" }
        let more = ["", "", "", #","want_rows":false"#, #","named_args":[]"#, #","sql":"twice""#].randomElement(using: &random) ?? ""
        return #"{"sql":"\#(Self.texts.randomElement(using: &random) ?? "")","args":[\#(values.joined(separator: ","))]\#(more)}"#
    }

    /// The same JSON with white space where client libraries have none.
    private static func spaced(_ json: String) -> String {
        var isInString = false, isEscaped = false
        return json.reduce(into: "") { spaced, character in
            if !isInString && "{[]},:".contains(character) { spaced += " \(character) " } else { spaced.append(character) }
            if isEscaped { isEscaped = false } else if character == "\\" { isEscaped = isInString } else if character == "\"" { isInString.toggle() }
        }
    }

    private func outcome(_ body: String, depth: Int = JSONReader.defaultMaximumDepth) -> Result<PipelineRequest, BerthError> {
        Result { () throws(BerthError) in try PipelineRequest(decoding: utf8(body), version: .three, maximumDepth: depth) }
    }

    @Test func requestsAreReadAsInAnyOtherSpelling() throws {
        var random = SeededGenerator(seed: 11), read = 0
        for _ in 0..<2_000 {
            let executes = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                #"{"type":"execute","stmt":\#(Self.statement(&random))}"#
            }
            let steps = (0..<Int.random(in: 1...4, using: &random)).map { index in
                // Few name a step that does not come before: that fails the whole request.
                #"{"condition":{"type":"\#(index == 0 ? "is_autocommit" : "ok")","step":\#(Int.random(in: 0...max(0, Bool.random(using: &random) ? index - 1 : index), using: &random))},"stmt":\#(Self.statement(&random))}"#
            }
            let body = #"{"baton":null,"requests":[\#(executes.joined(separator: ",")),{"type":"batch","batch":{"steps":[\#(steps.joined(separator: ","))]}}]}"#
            switch (outcome(body), outcome(Self.spaced(body))) {
            case (.success(let plain), .success(let spaced)):
                #expect(plain == spaced, "\(body)")
                read += 1
            case (.failure(let plain), .failure(let spaced)): #expect(plain.code == spaced.code, "\(body)")
            case (let plain, let spaced): Issue.record("\(plain) and \(spaced): \(body)")
            }
        }
        #expect(read > 500)
    }

    @Test func whatIsCutOffIsMalformed() throws {
        let statement = #"{"sql":"a","args":[{"type":"integer","value":"1"},{"type":"text","value":"b"}]}"#
        let body = #"{"requests":[{"type":"execute","stmt":\#(statement)},{"type":"execute","stmt":\#(statement)}]}"#
        _ = try outcome(body).get()
        for end in 0..<body.utf8.count {
            let cut = String(decoding: Array(body.utf8.prefix(end)), as: UTF8.self)
            #expect(throws: BerthError.self) { try outcome(cut).get() }
        }
    }

    @Test func nestingIsCountedAlike() throws {
        let statement = #"{"sql":"a","args":[{"type":"null"}]}"#
        let body = #"{"requests":[{"type":"execute","stmt":\#(statement)},{"type":"execute","stmt":\#(statement)}]}"#
        let batch = #"{"requests":[{"type":"batch","batch":{"steps":[{"stmt":\#(statement)},{"condition":{"type":"ok","step":0},"stmt":\#(statement)}]}}]}"#
        for body in [body, batch] {
            for depth in 1...12 {
                let (plain, spaced) = (outcome(body, depth: depth), outcome(Self.spaced(body), depth: depth))
                #expect((try? plain.get()) == (try? spaced.get()), "\(depth)")
            }
        }
    }
}
