/// What one execution may take.
public struct StatementLimits: Sendable, Hashable {
    /// When the statement is stopped with `SQLITE_INTERRUPT`; checked every 1,000 instructions of SQLite's machine.
    public var deadline: ContinuousClock.Instant?
    /// More rows are `RESPONSE_TOO_LARGE`.
    public var maximumRows: Int?
    /// More bytes are `RESPONSE_TOO_LARGE`: a value counts as 8 bytes plus the length of its text or blob.
    public var maximumResponseBytes: Int?

    public init(deadline: ContinuousClock.Instant? = nil, maximumRows: Int? = nil, maximumResponseBytes: Int? = nil) {
        self.deadline = deadline
        self.maximumRows = maximumRows
        self.maximumResponseBytes = maximumResponseBytes
    }

    public static let unlimited = StatementLimits()

    var boundResponse: Bool { maximumRows != nil || maximumResponseBytes != nil }
}
