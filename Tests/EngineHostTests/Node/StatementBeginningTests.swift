import BerthTestKit
import Testing

@testable import EngineHost

@Suite struct StatementBeginningTests {
    @Test(arguments: [
        (#"{"stmt":{"sql":"select instr(zeroblob(3200000), x'01')"}}"#, "select instr(zeroblob(…), x'…')"),
        (#"{ "requests" : [ { "stmt" : { "sql" : "insert into t1 values ('it''s secret', 42.5)" } } ] }"#, "insert into t1 values ('…''…', ….…)"),
        (#"{"sql":"\n select\t\"a b\",\u00e9 from t"}"#, "select \"a b\", from t"), (#"{"sql":"select 'never ends"#, "select '…"),
    ])
    func tellsWhatItIsAndNoValue(_ body: String, _ beginning: String) {
        #expect(StatementBeginning.of(Array(body.utf8)) == beginning)
    }

    @Test(arguments: ["", "{}", #"{"sql"}"#, #"{"sql":1}"#, #"{"sql":""}"#, "\"sql\""]) func whatHasNoneHasNone(_ body: String) {
        #expect(StatementBeginning.of(Array(body.utf8)) == nil)
    }

    @Test func isShortWhateverItIsGiven() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...900, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let told = StatementBeginning.of(Array("\"sql\":\"".utf8) + bytes)
            #expect((told ?? "").count <= StatementBeginning.length)
        }
    }
}
