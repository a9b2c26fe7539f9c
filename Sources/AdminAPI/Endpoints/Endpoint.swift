import FleetModel
import FleetStore
import HTTPTypes
import Hummingbird

/// One method of one path: who may call it, what it reads, what it does.
struct Endpoint: Sendable {
    enum Access: Sendable {
        /// Without a token.
        case open
        case token(TokenScope, reach: Reach)
    }

    /// What a token that is bound to one database may ask.
    enum Reach: Sendable {
        /// Nothing: this is about the whole fleet.
        case fleet
        /// The database the path names as `{name}`.
        case databaseInPath
        /// The handler knows what it is about, and checks.
        case handlerChecks
    }

    enum Body: Sendable {
        /// None; an empty JSON object is let pass.
        case none
        /// A JSON object with no other members than these.
        case object(Set<String>)
    }

    /// What a successful answer's `Location` points at.
    enum Product: Sendable {
        case database
        case operation
    }

    /// Whether it is answered without a token.
    var isOpen: Bool {
        if case .open = access { true } else { false }
    }

    let method: HTTPRequest.Method
    let path: RouterPath
    let access: Access
    var body: Body = .none
    /// The parameters the query string may have.
    var query: Set<String> = []
    var product: Product?
    /// Why an `Idempotency-Key` cannot be honoured here; `nil` where it can.
    var refusesIdempotencyKey: String?
    let answer: @Sendable (Call) async throws(BerthError) -> Answer
}
