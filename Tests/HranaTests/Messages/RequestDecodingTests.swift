import FleetModel
import Hrana
import Testing

@Suite struct RequestDecodingTests {
    @Test func readsV1Execute() throws {
        let request = try ExecuteRequest(decoding: utf8(RequestSamples.v1Execute))
        let statement = try request.statement.get()
        #expect(
            statement
                == HranaStatement(
                    .inline("INSERT INTO t VALUES (?, ?, ?, ?, ?)"),
                    arguments: .positional([
                        .integer(.min), .real(1.5), .text("Zürich 🚀"), .blob([0, 1, 2, 255]), .null,
                    ])))
    }

    @Test func readsV1Batch() throws {
        let request = try BatchRequest(decoding: utf8(RequestSamples.v1Batch))
        #expect(
            try request.batch.get()
                == Batch(steps: [
                    .init(HranaStatement(.inline("BEGIN"), wantsRows: false)),
                    .init(
                        HranaStatement(
                            .inline("INSERT INTO t VALUES (:a)"),
                            arguments: .named([NamedArgument(name: "a", value: .integer(1))])),
                        condition: .succeeded(step: 0)),
                    .init(HranaStatement(.inline("COMMIT"), wantsRows: false), condition: .succeeded(step: 1)),
                    .init(HranaStatement(.inline("ROLLBACK"), wantsRows: false), condition: .not(.succeeded(step: 2))),
                ]))
    }

    @Test func readsV2Pipeline() throws {
        #expect(
            try PipelineRequest(decoding: utf8(RequestSamples.v2Pipeline), version: .two)
                == PipelineRequest(
                    baton: nil,
                    requests: [
                        .storeSQL(id: 0, sql: "select ?"),
                        .execute(HranaStatement(.stored(0), arguments: .positional([.real(1)]))),
                        .closeSQL(id: 0),
                        .close,
                    ]))
    }

    @Test func readsV3Pipeline() throws {
        #expect(
            try PipelineRequest(decoding: utf8(RequestSamples.v3Pipeline), version: .three)
                == PipelineRequest(
                    baton: "YmF0b24",
                    requests: [
                        .describe(.inline("SELECT 1")),
                        .sequence(.inline("BEGIN; COMMIT")),
                        .batch(Batch(steps: [.init(HranaStatement(.inline("SELECT 1")))])),
                        .getAutocommit,
                    ]))
    }

    @Test func readsV3Cursor() throws {
        let request = try CursorRequest(decoding: utf8(RequestSamples.v3Cursor))
        #expect(request.baton == nil)
        #expect(
            try request.batch.get()
                == Batch(steps: [
                    .init(HranaStatement(.inline("SELECT * FROM t"))),
                    .init(
                        HranaStatement(.inline("SELECT 2")),
                        condition: .all([.failed(step: 0), .any([.isAutocommit])])),
                ]))
    }

    @Test func getAutocommitNeedsVersionThree() throws {
        let body = utf8(#"{"requests":[{"type":"get_autocommit"},{"type":"close"}]}"#)
        let requests = try PipelineRequest(decoding: body, version: .two).requests
        guard case .invalid(type: "get_autocommit", let error) = requests.first else {
            Issue.record("\(requests)")
            return
        }
        #expect(error.code == "SQL_INPUT_ERROR")
        #expect(requests.last == .close)
        #expect(try PipelineRequest(decoding: body, version: .three).requests == [.getAutocommit, .close])
    }

    @Test func theOrderOfMembersDoesNotMatter() throws {
        let body = #"""
            {"later":{"x":[1]},"requests":[{"stmt":{"args":[{"value":"7","type":"integer"},{"base64":"AQ","type":"blob"}],"sql":"a"},"type":"execute"}],"baton":"b"}
            """#
        #expect(
            try PipelineRequest(decoding: utf8(body), version: .three)
                == PipelineRequest(
                    baton: "b",
                    requests: [.execute(HranaStatement(.inline("a"), arguments: .positional([.integer(7), .blob([1])])))]))
    }

    /// RFC 8259 leaves open which of two counts; what has a meaning is refused, even when both say the same.
    @Test(arguments: [
        (#"{"baton":null,"requests":[],"baton":null}"#, "baton"), (#"{"requests":[],"requests":[]}"#, "requests"),
        (#"{"requests":[{"type":"close","type":"close"}]}"#, "type"),
        (#"{"requests":[{"type":"describe","sql":"a","s\u0071l":"b"}]}"#, "sql"),
        (#"{"requests":[{"type":"close_sql","sql_id":1,"sql_id":1}]}"#, "sql_id"),
        (#"{"requests":[{"type":"execute","stmt":{"sql":"a","sql":"a"}}]}"#, "sql"),
        (#"{"requests":[{"type":"execute","stmt":{"sql":"a","args":null,"args":[]}}]}"#, "args"),
        (#"{"requests":[{"stmt":{"sql":"a","args":[{"type":"text","value":"1","value":"2"}]}}]}"#, "value"),
        (#"{"requests":[{"stmt":{"named_args":[{"name":"a","name":"b"}]}}]}"#, "name"),
        (#"{"requests":[{"batch":{"steps":[],"steps":[]}}]}"#, "steps"),
        (#"{"requests":[{"batch":{"steps":[{"condition":null,"condition":null}]}}]}"#, "condition"),
        (#"{"requests":[{"batch":{"steps":[{"condition":{"conds":[],"conds":[]}}]}}]}"#, "conds"),
    ])
    func aSecondMemberOfANameIsRefused(_ body: String, _ name: String) {
        let error = #expect(throws: BerthError.self) { try PipelineRequest(decoding: utf8(body), version: .three) }
        #expect(error?.code == .malformedRequest)
        #expect(error?.message.contains("second “\(name)” in one object") == true, "\(error?.message ?? "")")
    }

    @Test func nothingComesAfterClose() throws {
        for requests in [#"{"type":"close"},{"type":"get_autocommit"}"#, #"{"type":"close"},{"type":"close"}"#] {
            let error = #expect(throws: BerthError.self) { try PipelineRequest(decoding: utf8(#"{"requests":[\#(requests)]}"#), version: .three) }
            #expect(error?.code == .malformedRequest)
            #expect(error?.message.contains("“close” is not the last request") == true)
        }
    }

    @Test func aMemberWithoutMeaningMayBeThereTwice() throws {
        let body = #"{"x":1,"requests":[{"x":1,"type":"close","x":2}],"x":2}"#
        #expect(try PipelineRequest(decoding: utf8(body), version: .three).requests == [.close])
    }

    @Test func nullIsTheSameAsNothing() throws {
        let body = #"{"stmt":{"sql":"a","sql_id":null,"args":null,"named_args":null,"want_rows":null}}"#
        #expect(try ExecuteRequest(decoding: utf8(body)).statement.get() == HranaStatement(.inline("a")))
    }

    @Test func storedSQLIsLookedUp() throws {
        let statement = HranaStatement(.stored(3), arguments: .positional([.null]), wantsRows: false)
        #expect(
            try statement.resolved { $0 == 3 ? "SELECT ?" : nil }
                == SQLStatement("SELECT ?", arguments: .positional([.null]), wantsRows: false))
        let error = #expect(throws: SQLError.self) { try statement.resolved { _ in nil } }
        #expect(error?.code == "SQL_INPUT_ERROR")
    }

    @Test(arguments: [
        ("", "unexpected end at byte 0"),
        ("{}", "missing “requests” at byte 0"),
        (#"{"requests":[{"type":"execute"}]}"#, "missing “stmt” at byte 13"),
        (#"{"requests":[{"stmt":{"sql":""}}]}"#, "missing “type” at byte 13"),
        (#"{"requests":[{"type":"dance"}]}"#, "unknown type “dance” at byte 21"),
        (#"{"requests":{}}"#, "expected array, found object at byte 12"),
        (#"{"baton":7,"requests":[]}"#, "expected string, found number at byte 9"),
        (#"{"requests":[{"type":"close_sql","sql_id":2147483648}]}"#, "number that is not an integer in range at byte 42"),
        (#"{"requests":[]}x"#, "text after the end of the value at byte 15"),
    ])
    func malformedBodiesSayWhere(_ body: String, _ expected: String) {
        let error = #expect(throws: BerthError.self) { try PipelineRequest(decoding: utf8(body), version: .three) }
        #expect(error?.code == .malformedRequest)
        #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
    }
}
