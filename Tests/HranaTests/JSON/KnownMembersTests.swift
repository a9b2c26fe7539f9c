import FleetModel
import Hrana
import Testing

/// Members are found by their bytes; however a name is written, it is the same name.
@Suite struct KnownMembersTests {
    private func statement(_ json: String) throws -> HranaStatement {
        try ExecuteRequest(decoding: Array(json.utf8)).statement.get()
    }

    @Test func aNameMayBeEscaped() throws {
        #expect(try statement(#"{"st\u006dt":{"\u0073ql":"SELECT 1"}}"#).text == .inline("SELECT 1"))
    }

    @Test(arguments: [
        #"{"stmt":{"sql":"a","sql":"b"}}"#, #"{"stmt":{"sql":"a","s\u0071l":"b"}}"#, #"{"stmt":{"s\u0071l":"a","sql":"b"}}"#,
        #"{"stmt":{"sql":"a"},"stmt":{"sql":"a"}}"#,
    ])
    func aSecondOneOfANameIsRefused(_ json: String) {
        #expect(throws: BerthError.self) { try statement(json) }
    }

    @Test func namesThatAreNotKnownAreSkipped() throws {
        let json = #"{"":1,"a":2,"a":3,"stmt":{"sqlx":1,"sq":2,"named_argsnamed_args":[],"ünïcödé":{},"sql":"x"},"want_rowswant_row":0}"#
        #expect(try statement(json).text == .inline("x"))
    }

    @Test(arguments: [#"{"stmt":{"sql"#, #"{"stmt":{"sql""#, #"{"stmt":{"sql":"#, #"{"stm"#, #"{"stmt" {}}"#, "{\"stmt\u{1}\":{}}"])
    func aNameThatIsCutOffIsRefused(_ json: String) {
        #expect(throws: BerthError.self) { try statement(json) }
    }

    /// Statements of one body share the memory of a text that is repeated, and only then.
    @Test func textsOfOneBodyAreTheirOwn() throws {
        let texts = ["SELECT 1", "SELECT 1", "SELECT 2", "SÉLECT", "SÉLECT", "SELECT 1", ""]
        let steps = texts.map { #"{"stmt":{"sql":"\#($0)"}}"# }.joined(separator: ",")
        let batch = try BatchRequest(decoding: Array(#"{"batch":{"steps":[\#(steps)]}}"#.utf8)).batch.get()
        #expect(batch.steps.map(\.statement.text) == texts.map { .inline($0) })
    }
}
