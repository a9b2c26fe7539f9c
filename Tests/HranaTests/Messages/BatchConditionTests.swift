import FleetModel
import Hrana
import Testing

@Suite struct BatchConditionTests {
    private let outcomes: [StepOutcome] = [.succeeded, .failed, .skipped]

    @Test(arguments: [
        (BatchCondition.succeeded(step: 0), true), (.succeeded(step: 1), false), (.succeeded(step: 2), false),
        (.failed(step: 0), false), (.failed(step: 1), true), (.failed(step: 2), true),
        (.not(.succeeded(step: 2)), true), (.not(.failed(step: 2)), false), (.not(.failed(step: 1)), false),
        (.all([]), true), (.any([]), false),
        (.all([.succeeded(step: 0), .failed(step: 1)]), true), (.all([.succeeded(step: 0), .failed(step: 0)]), false),
        (.any([.failed(step: 0), .failed(step: 1)]), true), (.any([.failed(step: 0), .succeeded(step: 1)]), false),
        (.succeeded(step: 3), false), (.failed(step: -1), false), (.succeeded(step: .max), false),
    ])
    func holdsByTheOutcomesSoFar(_ condition: BatchCondition, _ expected: Bool) {
        #expect(condition.holds(after: outcomes, isAutocommit: true) == expected)
        #expect(BatchCondition.not(condition).holds(after: outcomes, isAutocommit: true) == !expected)
    }

    @Test func asksForAutocommitOnlyWhenItMatters() {
        #expect(BatchCondition.isAutocommit.holds(after: [], isAutocommit: true))
        #expect(!BatchCondition.isAutocommit.holds(after: [], isAutocommit: false))
        var asked = 0
        func ask() -> Bool {
            asked += 1
            return true
        }
        let decided = BatchCondition.all([.succeeded(step: 1), .isAutocommit]).holds(after: outcomes, isAutocommit: ask())
        #expect(!decided)
        #expect(asked == 0)
        let open = BatchCondition.any([.failed(step: 0), .isAutocommit]).holds(after: outcomes, isAutocommit: ask())
        #expect(open)
        #expect(asked == 1)
    }

    private func batch(condition: String) throws -> Result<Batch, SQLError> {
        let body = #"{"batch":{"steps":[{"stmt":{"sql":"a"}},{"stmt":{"sql":"b"},"condition":\#(condition)}]}}"#
        return try BatchRequest(decoding: utf8(body)).batch
    }

    @Test(arguments: [
        #"{"type":"ok","step":1}"#, #"{"type":"error","step":2}"#, #"{"type":"not","cond":{"type":"ok","step":4294967295}}"#,
        #"{"type":"or","conds":[{"type":"ok","step":0},{"type":"ok","step":1}]}"#,
    ])
    func aConditionMayNameOnlyEarlierSteps(_ condition: String) throws {
        let error = #expect(throws: BerthError.self) { try batch(condition: condition) }
        #expect(error?.code == .malformedRequest)
        #expect(error?.message.contains("the condition of step 1 names step") == true)
    }

    @Test(arguments: [
        "{}", #"{"type":"ok"}"#, #"{"type":"not"}"#, #"{"type":"and"}"#, #"{"type":"xor","conds":[]}"#, "7",
        #"{"type":"ok","step":-1}"#, #"{"type":"ok","step":"0"}"#,
    ])
    func malformedConditionsAreMalformedRequests(_ condition: String) {
        let error = #expect(throws: BerthError.self) { try batch(condition: condition) }
        #expect(error?.code == .malformedRequest)
    }

    @Test func nestingIsLimited() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"type":"not","cond":"#, count: depth) + #"{"type":"is_autocommit"}"#
                + String(repeating: "}", count: depth)
        }
        #expect(try batch(condition: nested(50)).get().steps[1].condition?.holds(after: [], isAutocommit: true) == true)
        let error = #expect(throws: BerthError.self) { try batch(condition: nested(10_000)) }
        #expect(error?.message.contains("64 nested") == true)
    }
}
