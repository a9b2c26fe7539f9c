public import Changesets

/// Committed pages, as one consistent set.
public struct CapturedChanges: Sendable, Equatable {
    /// Ascending. Say where every file ends: by `endPageCount` where a database is one file, else in the engine's own way.
    public var pages: PageSet
    /// Every page of the database, as opposed to those that changed since the last capture.
    public var isFull: Bool
}
