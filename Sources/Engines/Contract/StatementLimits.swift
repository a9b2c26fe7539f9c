public import FleetModel

/// What one execution may take.
public struct StatementLimits: Sendable, Hashable {
    /// When the statement is stopped, on ``EngineConnection/clock``, with `SQLITE_INTERRUPT` or the engine's own code for it.
    public var deadline: BootInstant?
    /// More rows are `RESPONSE_TOO_LARGE`.
    public var maximumRows: Int?
    /// More bytes are `RESPONSE_TOO_LARGE`, as `RowBlock.byteCount` counts them.
    public var maximumResponseBytes: Int?
    /// Any attempt to change the database is `BLOCKED`, however it hides (a view, a macro, a trigger). A transaction that the
    /// statement begins cannot write either. Settings of the connection are not the database.
    public var isReadOnly: Bool

    public init(
        deadline: BootInstant? = nil, maximumRows: Int? = nil, maximumResponseBytes: Int? = nil, isReadOnly: Bool = false
    ) {
        self.deadline = deadline
        self.maximumRows = maximumRows
        self.maximumResponseBytes = maximumResponseBytes
        self.isReadOnly = isReadOnly
    }

    public static let unlimited = StatementLimits()

    var boundResponse: Bool { maximumRows != nil || maximumResponseBytes != nil }
}
