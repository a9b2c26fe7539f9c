/// What a statement is to transactions, as far as its first word tells.
public enum TransactionRole: Sendable {
    /// Neither begins nor ends one, and does the same inside of one.
    case inside
    case begins
    /// Ends one and keeps what it did.
    case commits
    /// Undoes what a transaction did, or a part of it.
    case undoes
    /// May be anything: always right.
    case unknown
}
