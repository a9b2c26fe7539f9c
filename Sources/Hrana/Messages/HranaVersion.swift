/// The versions of Hrana that are spoken over HTTP.
public enum HranaVersion: Int, Sendable, Hashable, CaseIterable {
    /// Stateless: `/v1/execute` and `/v1/batch`.
    case one = 1
    /// Streams with batons.
    case two = 2
    /// As two, with cursors and `get_autocommit`.
    case three = 3
}
