import Engines
import Hrana

/// The requests of one call, which leave no transaction open and may be carried out in one that others share.
struct ShareableRequests: Sendable {
    let requests: [StreamRequest]
    /// Those in batches included.
    private(set) var statementCount = 0
    /// There are transactions of the client's own in them, as batches of client libraries have.
    private(set) var hasTransactions = false
    /// One was begun by the statements admitted so far, and not ended.
    private(set) var isInTransaction = false

    init(_ requests: [StreamRequest]) { self.requests = requests }

    /// Takes note of the next statement.
    ///
    /// - Returns: `false` when the requests cannot be shared because of it.
    mutating func admit(_ statement: HranaStatement, by engine: any Engine) -> Bool {
        guard case .inline(let sql) = statement.text else { return false }
        statementCount += 1
        switch engine.transactionRole(of: sql) {
        case .inside: return true
        case .begins:
            guard !isInTransaction else { return false }
            (isInTransaction, hasTransactions) = (true, true)
            return true
        case .commits:
            guard isInTransaction else { return false }
            isInTransaction = false
            return true
        // Client libraries put it behind the COMMIT, for the case that it fails.
        case .undoes: return hasTransactions
        case .unknown: return false
        }
    }
}
