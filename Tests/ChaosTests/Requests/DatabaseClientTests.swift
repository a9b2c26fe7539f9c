import Chaos
import Testing

/// What clients make of answers; above all, that they take none for more than it is.
@Suite struct DatabaseClientTests {
    /// Answers every call with one body.
    private struct Scripted: DatabaseClient {
        let body: String

        func send(_ call: ClientCall) async throws(CallFailure) -> [UInt8] { Array(body.utf8) }
    }

    private static let opening = #"{"baton":null,"base_url":null}"# + "\n"
    private static let begin = #"{"type":"step_begin","step":0,"cols":[]}"# + "\n"
    private static let row = #"{"type":"row","row":[{"type":"integer","value":"7"}]}"# + "\n"
    private static let end = #"{"type":"step_end","affected_row_count":0,"last_insert_rowid":null}"# + "\n"
    private static let error = #"{"message":"m","code":"SQLITE_FULL"}"#

    @Test func aCursorIsReadToItsEnd() async throws {
        let rows = try await Scripted(body: Self.opening + Self.begin + Self.row + Self.row + Self.end).rows("SELECT 7")
        #expect(rows.map { $0.map(\.text) } == [["7"], ["7"]])
    }

    /// Where it breaks off, rows may be missing.
    @Test(arguments: ["", opening, opening + begin + row, opening + begin + row + "{\"type\":"])
    func oneThatBreaksOffIsNoAnswer(_ body: String) async throws {
        let error = await #expect(throws: CallFailure.self) { try await Scripted(body: body).rows("SELECT 7") }
        guard case .lost = error else { Issue.record("\(String(describing: error))"); return }
    }

    @Test(arguments: ["step_error", "error"])
    func oneThatFailsSaysWhy(_ type: String) async throws {
        let line = #"{"type":"\#(type)","step":0,"error":\#(Self.error)}"# + "\n"
        let error = await #expect(throws: CallFailure.self) {
            try await Scripted(body: Self.opening + Self.begin + Self.row + line).rows("SELECT 7")
        }
        #expect(error.map(Outcome.init) == .refused("SQLITE_FULL"))
    }

    @Test(arguments: [(1, Outcome.acknowledged), (0, .unknown("0 rows were loaded instead of one"))])
    func aLoadIsAcknowledgedWithItsRow(_ count: Int, _ outcome: Outcome) async throws {
        let write = Write(ledger: .appends, client: 1, number: 2, token: "abc")
        #expect(await Scripted(body: #"{"rows_loaded":\#(count)}"#).append(write, isLoad: true) == outcome)
    }

    /// An error without a code of ours leaves a write in doubt.
    @Test func otherAnswersAreErrors() {
        #expect(Outcome(CallFailure(status: 507, body: Array(Self.error.utf8))) == .refused("SQLITE_FULL"))
        #expect(Outcome(CallFailure(status: 502, body: Array(#"{"message":"m","code":"outcome_unknown"}"#.utf8))) == .unknown("outcome_unknown"))
        #expect(Outcome(CallFailure(status: 500, body: Array("<html>".utf8))) == .unknown("status 500"))
    }
}
