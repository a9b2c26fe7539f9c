import Engines
import FleetModel
import Hrana

/// The requests of one call that leaves nothing behind and changes nothing, as far as can be told before it is carried out.
struct ReadableRequests: Sendable {
    let requests: [StreamRequest]
    /// What wants to write is refused to its client. Otherwise the call is carried out as a write then, from its beginning.
    let isReadOnly: Bool
    /// They show one state of the database: none of them begins or ends a transaction of its own.
    let showOneState: Bool

    /// `nil` when they have to be carried out by the writer.
    init?(_ requests: [StreamRequest], _ access: AccessRights, by engine: any Engine) {
        isReadOnly = access.isReadOnly
        self.requests = requests
        var statements = 0, asksOnly = true
        for request in requests {
            switch request {
            case .execute(let statement):
                statements += 1
                asksOnly = asksOnly && Self.isQuery(statement, engine)
            case .batch(let batch):
                statements += batch.steps.count
                asksOnly = asksOnly && batch.steps.allSatisfy { Self.isQuery($0.statement, engine) }
            case .sequence:
                statements += 1
                asksOnly = false
            case .describe: statements += 1
            case .storeSQL, .closeSQL, .getAutocommit, .close, .invalid: break
            }
        }
        guard statements > 0, asksOnly || isReadOnly else { return nil }
        showOneState = asksOnly && statements > 1
    }

    private static func isQuery(_ statement: HranaStatement, _ engine: any Engine) -> Bool {
        guard case .inline(let sql) = statement.text else { return false }
        return engine.looksLikeQuery(sql)
    }
}
