import FleetModel
import Testing

@testable import Engines

/// What is read out of a text goes by its bytes: a mark behind a sign hides nothing.
@Suite struct DuckDBTextTests {
    private static let mark = "\u{301}"

    /// The text between dollars has a quote; what follows is not quoted.
    @Test func quotingThatIsNotPlainIsNotedWhateverFollowsItsSigns() {
        let mark = Self.mark
        #expect(DuckDBWords.mayWrite("SELECT $\(mark)$\(mark)'$\(mark)$\(mark), nextval('s')"))
        #expect(DuckDBWords.mayWrite("SELECT 1 /*\(mark) ' */, nextval('s')"))
        #expect(!DuckDBWords.mayWrite("SELECT 'nextval', 1"))
    }

    @Test func aWordIsFoundBesideWhatCountsAsASpace() {
        #expect(DuckDBWords.mayReturn("DELETE FROM t RETURNING\u{200D}a"))
        #expect(DuckDBWords.mayReturn("delete from t returning a"))
        #expect(!DuckDBWords.mayReturn("DELETE FROM returnings"))
    }

    @Test func anErrorHasItsCodeWhateverItsTextBeginsWith() {
        let error = DuckDBErrorCode.error("Invalid Input Error: \(Self.mark)x")
        #expect(error == SQLError(code: "DUCKDB_INVALID_INPUT", message: "\(Self.mark)x"))
        #expect(DuckDBErrorCode.error("no type").code == "DUCKDB_ERROR")
    }
}
