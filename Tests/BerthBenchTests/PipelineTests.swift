import FleetModel
import Hrana
import Testing

@testable import berth_bench

/// What is sent is what the node reads, and what is read is what the node wrote.
struct PipelineTests {
    @Test func aBodyIsAPipeline() throws {
        let arguments: [SQLValue] = [.integer(-7), .text("a\"ä"), .null, .real(0.5), .blob([0, 255])]
        let request = try PipelineRequest(decoding: PipelineBody.single("SELECT ?", arguments), version: .three)
        #expect(request.baton == nil)
        #expect(request.requests == [.execute(HranaStatement(.inline("SELECT ?"), arguments: .positional(arguments))), .close])
    }

    @Test func aTransactionStopsAtItsFirstError() throws {
        let statements = [1, 2].map { PipelineBody.Statement(sql: "INSERT \($0)", arguments: []) }
        let request = try PipelineRequest(decoding: PipelineBody.transaction(statements), version: .three)
        guard case .batch(let batch) = request.requests.first else { throw WorkLost("there is no batch") }
        #expect(
            batch.steps.map(\.statement.text)
                == ["BEGIN", "INSERT 1", "INSERT 2", "COMMIT", "ROLLBACK"].map { .inline($0) })
        #expect(
            batch.steps.map(\.condition)
                == [nil, .succeeded(step: 0), .succeeded(step: 1), .succeeded(step: 2), .not(.succeeded(step: 3))])
    }

    private func answer(_ results: [Result<StreamResponse, SQLError>]) -> [UInt8] {
        ResponseBody.pipeline(PipelineResponse(baton: nil, baseURL: nil, results: results))
    }

    @Test func anAnswerIsReadBack() throws {
        var result = SQLResult()
        result.columns = [SQLResult.Column(name: "a", declaredType: nil)]
        result.rows = [[.integer(5)], [.text("x")], [.null]]
        result.affectedRows = 3
        let batch = BatchResult(steps: [.succeeded(result), .skipped])
        let statements = try PipelineAnswer(answer([.success(.execute(result)), .success(.batch(batch)), .success(.close)])).statements
        #expect(statements.map(\.affectedRows) == [3, 3])
        #expect(statements[0].rows == [["5"], ["x"], [nil]])
    }

    @Test func aFailureIsLostWork() {
        let error = SQLError(code: "C", message: "m")
        #expect(throws: WorkLost.self) { try PipelineAnswer(answer([.failure(error)])) }
        #expect(throws: WorkLost.self) { try PipelineAnswer(answer([.success(.batch(BatchResult(steps: [.failed(error)])))])) }
        #expect(throws: WorkLost.self) { try PipelineAnswer(Array("{".utf8)) }
    }
}
