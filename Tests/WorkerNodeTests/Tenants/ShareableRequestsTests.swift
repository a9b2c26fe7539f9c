import Engines
import FleetModel
import Hrana
import Testing

@testable import EngineHost

/// What of a call is planned to be run in a transaction that others share.
@Suite struct ShareableRequestsTests {
    private func plan(_ statements: [String]) -> ShareableRequests? {
        ShareableRequests(statements.map { .execute(HranaStatement(.inline($0))) }, by: SQLiteEngine())
    }

    /// Only that can do without a transaction around it: what a client put between BEGIN and COMMIT is kept or undone as a whole.
    @Test(arguments: [
        (["SELECT 1"], true), (["INSERT INTO t VALUES (1)"], true), ([], true), (["SELECT 1", "SELECT 1"], false),
        (["SELECT 1", "SELECT 2"], false), (["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"], false), (["BEGIN", "COMMIT"], false),
    ])
    func oneStatementIsNoTransaction(_ statements: [String], _ isOne: Bool) throws {
        #expect(try #require(plan(statements)).isOneStatement == isOne)
    }

    @Test(arguments: [["BEGIN"], ["COMMIT"], ["BEGIN", "SELECT 1"], ["BEGIN", "BEGIN", "COMMIT"], ["BEGIN", "ROLLBACK"], ["SAVEPOINT a"]])
    func whatLeavesOrUndoesATransactionIsNotShared(_ statements: [String]) {
        #expect(plan(statements) == nil)
    }

    @Test func statementsThatComeAgainArePlannedOnce() throws {
        let planned = try #require(plan(["SELECT 1", "SELECT 1", "SELECT 2", "SELECT 1"]))
        #expect(planned.statements.map(\.arguments.count) == [2, 1, 1])
        #expect(planned.statementCount == 4)
    }
}
