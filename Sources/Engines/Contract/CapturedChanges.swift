public import Changesets

/// Committed pages, as one consistent set.
public struct CapturedChanges: Sendable, Equatable {
    /// Ascending; `endPageCount` is always set.
    public var pages: PageSet
    /// Every page of the database, as opposed to those that changed since the last capture.
    public var isFull: Bool
}
