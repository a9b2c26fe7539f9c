/// A condition did not come true in time, or something needed is not there.
struct ChaosError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Looks again and again until `look` answers with a value, and returns it.
///
/// What `look` throws counts as "not yet", and is told when the time is up.
///
/// - Throws: `ChaosError`, `CancellationError`.
@discardableResult
func eventually<Value: Sendable>(
    _ what: String, within patience: Duration, every pause: Duration = .milliseconds(20),
    isolation: isolated (any Actor)? = #isolation, _ look: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + patience
    var last: (any Error)?
    while true {
        do {
            if let value = try await look() { return value }
            last = nil
        } catch {
            try Task.checkCancellation()
            last = error
        }
        guard ContinuousClock.now < deadline else {
            throw ChaosError("Not within \(patience): \(what)" + (last.map { "; last: \($0)" } ?? ""))
        }
        try await Task.sleep(for: pause)
    }
}
