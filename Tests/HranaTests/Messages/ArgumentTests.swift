import BerthTestKit
import FleetModel
import Hrana
import Testing

@Suite struct ArgumentTests {
    private func statement(_ members: String) throws -> Result<HranaStatement, SQLError> {
        try ExecuteRequest(decoding: utf8(#"{"stmt":{"sql":"x",\#(members)}}"#)).statement
    }

    private func argument(_ json: String) throws -> Result<SQLValue, SQLError> {
        try statement(#""args":[\#(json)]"#).map { statement in
            if case .positional(let values) = statement.arguments, values.count == 1 { return values[0] }
            Issue.record("\(statement)")
            return .null
        }
    }

    @Test(arguments: [
        (#"{"type":"null"}"#, SQLValue.null),
        (#"{"type":"null","value":5}"#, .null),
        (#"{"type":"integer","value":"9223372036854775807"}"#, .integer(.max)),
        (#"{"type":"integer","value":"-9223372036854775808"}"#, .integer(.min)),
        (#"{"type":"integer","value":9223372036854775807}"#, .integer(.max)),
        (#"{"type":"integer","value":-9223372036854775808}"#, .integer(.min)),
        (#"{"type":"float","value":1e999}"#, .real(.infinity)),
        (#"{"type":"float","value":3}"#, .real(3)),
        (#"{"type":"text","value":"a\u0000b"}"#, .text("a\0b")),
        (#"{"type":"text","value":"\ud83d\ude80 é"}"#, .text("🚀 é")),
        (#"{"type":"blob","base64":""}"#, .blob([])),
        (#"{"type":"blob","base64":"+\/8="}"#, .blob([0xFB, 0xFF])),
    ])
    func readsValues(_ json: String, _ expected: SQLValue) throws {
        for spelling in [json, Self.spaced(json), Self.extended(json)] { #expect(try argument(spelling).get() == expected, "\(spelling)") }
    }

    /// Not as client libraries write it.
    private static func spaced(_ json: String) -> String { json.hasPrefix("{") ? "{ " + json.dropFirst() : " " + json }
    private static func extended(_ json: String) -> String { json.hasSuffix("}") ? json.dropLast() + #","more":[{}]}"# : json }

    /// Read in one step or part by part: the same numbers.
    @Test func readsIntegersOfEveryLength() throws {
        var generator = SeededGenerator(seed: 5)
        for bits in 0..<63 {
            for value in [Int64(1) << bits, -(Int64(1) << bits), Int64.random(in: 0...(1 << bits), using: &generator)] {
                for text in ["\(value)", "\"\(value)\""] {
                    let json = #"{"type":"integer","value":\#(text)}"#
                    #expect(try argument(json).get() == .integer(value))
                    #expect(try argument(Self.spaced(json)).get() == .integer(value))
                }
            }
        }
        for text in ["007", "-0", "-007", "00"] {
            #expect(try argument(#"{"type":"integer","value":"\#(text)"}"#).get() == .integer(try #require(Int64(text))))
        }
    }

    @Test(arguments: [
        "5", "null", #""text""#, "[]", "{}", #"{"value":"5"}"#, #"{"type":"text"}"#, #"{"type":"blob","value":"AA"}"#,
        #"{"type":"decimal","value":"5"}"#, #"{"type":"integer","value":""}"#, #"{"type":"integer","value":"-"}"#,
        #"{"type":"integer","value":"+5"}"#, #"{"type":"integer","value":" 5"}"#, #"{"type":"integer","value":"5.0"}"#,
        #"{"type":"integer","value":"9223372036854775808"}"#, #"{"type":"integer","value":-9223372036854775809}"#,
        #"{"type":"integer","value":1.5}"#, #"{"type":"integer","value":null}"#, #"{"type":"float","value":"1.5"}"#,
        #"{"type":"text","value":5}"#, #"{"value":[1,{"a":2}],"type":"text"}"#, #"{"type":"blob","base64":7}"#,
    ])
    func badArgumentsAreErrorsOfTheStatement(_ json: String) throws {
        var errors: [SQLError] = []
        for spelling in [json, Self.spaced(json)] {
            guard case .failure(let error) = try argument(spelling) else {
                Issue.record("accepted \(spelling)")
                return
            }
            errors.append(error)
        }
        #expect(errors[0] == errors[1])
        #expect(errors[0].code == "ARGS_INVALID")
        #expect(errors[0].message.hasPrefix("Argument 1 "))
    }

    @Test(arguments: [
        "A", "A===", "AA=", "AA==A", "====", "=", "AAAA=", "A-_A", "AB==", "AAB=", "AA A", "AAAA\\n", "é",
    ])
    func refusesMalformedBase64(_ base64: String) throws {
        guard case .failure(let error) = try argument(#"{"type":"blob","base64":"\#(base64)"}"#) else {
            Issue.record("accepted \(base64)")
            return
        }
        #expect(error.code == "ARGS_INVALID")
    }

    @Test func blobsOfEveryLengthReadWithAndWithoutPadding() throws {
        var generator = SeededGenerator(seed: 8)
        for length in 0..<70 {
            let blob = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var writer = JSONWriter()
            blob.withUnsafeBytes { writer.base64($0) }
            let unpadded = text(writer.bytes).dropFirst().dropLast()
            #expect(!unpadded.contains("="))
            let padded = unpadded + String(repeating: "=", count: (4 - unpadded.count % 4) % 4)
            #expect(try argument(#"{"type":"blob","base64":"\#(unpadded)"}"#).get() == .blob(blob))
            #expect(try argument(#"{"type":"blob","base64":"\#(padded)"}"#).get() == .blob(blob))
        }
    }

    @Test func bothKindsOfArgumentsAreRefused() throws {
        let both = #""args":[{"type":"null"}],"named_args":[{"name":"a","value":{"type":"null"}}]"#
        guard case .failure(let error) = try statement(both) else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == "ARGS_BOTH_POSITIONAL_AND_NAMED")
    }

    @Test(arguments: [#"{"value":{"type":"null"}}"#, #"{"name":"a"}"#, #"{"name":"a","value":{"type":"blob","base64":"!"}}"#])
    func badNamedArgumentsAreErrorsOfTheStatement(_ argument: String) throws {
        guard case .failure(let error) = try statement(#""named_args":[\#(argument)]"#) else {
            Issue.record("accepted \(argument)")
            return
        }
        #expect(error.code == "ARGS_INVALID")
    }

    @Test func oneBadRequestDoesNotFailTheOthers() throws {
        let body = #"""
            {"requests":[{"type":"execute","stmt":{"sql":"a","args":[{"type":"integer","value":"x"},{"type":"null"}]}},{"type":"execute","stmt":{"sql":"b"}},{"type":"sequence"},{"type":"describe","sql":"a","sql_id":1},{"type":"close"}]}
            """#
        let requests = try PipelineRequest(decoding: utf8(body), version: .three).requests
        let invalid = requests.map { request -> String? in
            if case .invalid(let type, let error) = request { return "\(type) \(error.code)" }
            return nil
        }
        #expect(invalid == ["execute ARGS_INVALID", nil, "sequence SQL_INPUT_ERROR", "describe SQL_INPUT_ERROR", nil])
        #expect(requests[1] == .execute(HranaStatement(.inline("b"))))
    }
}
