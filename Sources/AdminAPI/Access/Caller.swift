import FleetModel
import FleetStore

/// Who asks, once the token was accepted.
struct Caller: Sendable {
    let token: TokenRecord

    func requireScope(_ needed: TokenScope) throws(BerthError) {
        guard token.scope >= needed else {
            throw BerthError(
                .scopeInsufficient,
                "This needs a token with scope “\(needed.rawValue)”; “\(token.name)” has “\(token.scope.rawValue)”.")
        }
    }

    /// - Parameter database: the one the request is about; `nil` when it is about more than one.
    func requireReach(to database: DatabaseName?) throws(BerthError) {
        guard let only = token.database else { return }
        guard let name = token.databaseName, name == database else {
            throw BerthError(
                .scopeInsufficient,
                "Token “\(token.name)” is good for the database “\(token.databaseName?.description ?? only.description)” "
                    + "alone. Use a token of the whole fleet.")
        }
    }
}
