public import FleetModel
import Leases

/// The catalogue in Postgres: what exists and where it should be.
///
/// Every method is one statement; no lock is held while anything else happens. Throws `BerthError`.
public struct FleetCatalogue: Sendable {
    let pool: PostgresPool

    public init(pool: PostgresPool) { self.pool = pool }

    func run(_ sql: String, _ parameters: [PostgresValue] = []) async throws(BerthError) -> PostgresRows {
        do throws(PostgresError) { return try await pool.query(sql, parameters) } catch { throw error.berthError }
    }

    /// Reads a row; a column that is not as the schema says is a fault of the program.
    func value<Value>(_ read: () throws -> Value) throws(BerthError) -> Value {
        do { return try read() } catch let error as BerthError { throw error } catch {
            throw BerthError(.internalError, "A row of the catalogue could not be read: \(error)")
        }
    }
}

/// Proof of leading the managers: intents are written only while it holds.
public struct ManagerTerm: Sendable, Hashable {
    public var session: SessionID
    public var term: Epoch

    public init(session: SessionID, term: Epoch) {
        self.session = session
        self.term = term
    }

    /// To be joined by a statement that writes intents; its parameters are `$1` and `$2`.
    static let guardSQL = """
        term as (select 1 from leases where database = '00000000-0000-0000-0000-000000000001'
                 and session = $1 and epoch = $2 for share)
        """
    var parameters: [PostgresValue] { [.uuid(session.uuid), .int8(term.value)] }
}
