/// A condition a test waited for and that did not come true.
public struct NeverHappened: Error, CustomStringConvertible {
    public let description: String

    public init(_ what: String, within limit: Duration) { description = "not within \(limit): \(what)" }
}

/// Lets others run until `condition` holds.
///
/// - Parameter limit: of real time; only a failing test reaches it.
/// - Throws: `NeverHappened`, what `condition` throws, `CancellationError`.
public func becomesTrue(
    _ what: String, within limit: Duration = .seconds(30), isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw NeverHappened(what, within: limit) }
        try await Task.sleep(for: .milliseconds(1))
    }
}
