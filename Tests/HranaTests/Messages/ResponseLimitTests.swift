import FleetModel
import Hrana
import Testing

@Suite struct ResponseLimitTests {
    private let limit = ResponseLimit(maximumBytes: 1_000)

    private func result(_ value: SQLValue, rows: Int = 1) -> SQLResult {
        var result = SQLResult()
        result.rows = Array(repeating: [value], count: rows)
        return result
    }

    @Test(arguments: [
        SQLValue.text(String(repeating: "x", count: 1_001)), .blob([UInt8](repeating: 0, count: 900)),
        .text(String(repeating: "\0", count: 900)),
    ])
    func oneLargeValueIsTooLarge(_ value: SQLValue) {
        let error = #expect(throws: SQLError.self) { try ResponseBody.execute(result(value), limit: limit) }
        #expect(error?.code == "RESPONSE_TOO_LARGE")
    }

    @Test func manySmallRowsAreTooLarge() throws {
        _ = try ResponseBody.execute(result(.null, rows: 50), limit: limit)
        let error = #expect(throws: SQLError.self) {
            try ResponseBody.batch(BatchResult(steps: [.succeeded(result(.null, rows: 100))]), limit: limit)
        }
        #expect(error?.code == "RESPONSE_TOO_LARGE")
    }

    @Test func aPipelineAnswersTheOthers() {
        let large = result(.text(String(repeating: "x", count: 2_000)))
        let body = text(
            ResponseBody.pipeline(
                PipelineResponse(
                    baton: nil, baseURL: nil,
                    results: [.success(.execute(large)), .success(.getAutocommit(true))]),
                limit: limit))
        #expect(body.hasPrefix(#"{"baton":null,"base_url":null,"results":[{"type":"error","error":{"message":"The statement was run"#))
        #expect(
            body.hasSuffix(
                #""code":"RESPONSE_TOO_LARGE"}},{"type":"ok","response":{"type":"get_autocommit","is_autocommit":true}}]}"#))
        #expect(!body.contains("xxx"))
    }
}
