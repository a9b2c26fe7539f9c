import FleetModel

/// What SQLite's callbacks of one connection read and leave behind.
///
/// Owned by the connection and confined to its lane, like the callbacks: SQLite calls them inside its own functions.
final class ConnectionContext {
    let clock: any FleetClock
    /// When the running statement is to be stopped.
    var deadline: BootInstant?
    /// The deadline stopped the statement.
    var timedOut = false

    /// A statement of ours, not a client's: everything is allowed.
    var isTrusted = false
    /// A client's SQL is being compiled, as opposed to SQLite's own SQL inside a running statement.
    var isPreparing = false
    /// What runs may write, or end a transaction that did.
    var isWriting = false
    /// Why the authorizer refused, if it did.
    var refusal: String?

    /// What the client's functions answer.
    let functions = SessionFunctions()

    init(_ clock: any FleetClock) { self.clock = clock }

    /// Found by the authorizer in the statement last compiled.
    var insertsRows = false
    /// It changes something, and nothing but what is temporary.
    var changesTemporary = false
    var changesMain = false
    var pragma: (name: String, hasArgument: Bool)?
    /// The PRAGMA is to set something that is left as it is.
    var leftAlone: (setting: PragmaRules.Setting, name: String, schema: String?, wanted: String)?
    /// Something temporary was created, as far as compiling it tells.
    var createsTemporaryTables = false
    /// The client set something that outlasts its transaction, since the settings were last compared.
    var mayHaveChangedSettings = false
    /// The client asked for something that is told of this one connection, or set what cannot be read back.
    var isBoundToConnection = false
}
