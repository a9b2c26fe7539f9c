import Engines
import FleetModel

/// Short forms for statements that come again.
extension EngineConnection {
    func repeated(
        _ sql: String, _ arguments: [[SQLValue]], wantsRows: Bool = true, _ limits: StatementLimits = .unlimited,
        timeout: Duration = .seconds(60), into results: inout [SQLResult]
    ) throws(SQLError) {
        let statement = RepeatedStatement(sql, arguments: arguments.map { .positional($0) }, wantsRows: wantsRows)
        try execute(statement, timeout: timeout, limits: limits, into: &results)
    }

    /// The code with which it fails; `nil` when it does not.
    func repeatedCode(
        _ sql: String, _ arguments: [[SQLValue]], _ limits: StatementLimits = .unlimited, timeout: Duration = .seconds(60)
    ) -> String? {
        var results: [SQLResult] = []
        do {
            try repeated(sql, arguments, limits, timeout: timeout, into: &results)
            return nil
        } catch { return error.code }
    }
}
