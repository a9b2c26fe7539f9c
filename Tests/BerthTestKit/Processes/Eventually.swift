/// A condition did not come true in time.
public struct TookTooLong: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

/// Looks again and again until `look` answers with a value, and returns it.
///
/// What `look` throws counts as "not yet", and is told when the time is up.
///
/// - Throws: `TookTooLong`, `CancellationError`.
@discardableResult
public func eventually<Value>(
    _ what: String, within patience: Duration = .seconds(30), every pause: Duration = .milliseconds(20),
    isolation: isolated (any Actor)? = #isolation, _ look: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + patience
    var last: (any Error)?
    while true {
        do {
            if let value = try await look() { return value }
            last = nil
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            last = error
        }
        guard ContinuousClock.now < deadline else {
            throw TookTooLong(description: "Not within \(patience): \(what)" + (last.map { "; last: \($0)" } ?? ""))
        }
        try await Task.sleep(for: pause)
    }
}
