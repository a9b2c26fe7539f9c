/// Whether a changeset continues a chain or stands for all of it.
public enum ChangesetKind: UInt8, Sendable, Hashable, CaseIterable {
    /// What changed between two points of the chain.
    case delta = 0
    /// The whole file: everything from the first changeset to the last it covers.
    case snapshot = 1
}
