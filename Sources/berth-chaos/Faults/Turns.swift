import Synchronization

/// Keeps faults that hit the same process or store from meeting each other: what is being killed cannot be paused.
///
/// A plan keeps them apart by the times it expects; a slow machine takes longer.
final class Turns: Sendable {
    private let taken = Mutex<Set<String>>([])

    /// A fault that cannot begin within this time is left out.
    private static let patience: Duration = .seconds(10)

    /// Carries out `body` while nobody else has any of `names`.
    ///
    /// - Throws: `ChaosError` when it does not come to its turn, and what `body` throws.
    func with<Value: Sendable>(_ names: [String], _ body: () async throws -> Value) async throws -> Value {
        try await eventually("the turn of \(names)", within: Self.patience) { take(names) ? true : nil }
        defer { taken.withLock { $0.subtract(names) } }
        return try await body()
    }

    private func take(_ names: [String]) -> Bool {
        taken.withLock { taken in
            guard taken.isDisjoint(with: names) else { return false }
            taken.formUnion(names)
            return true
        }
    }
}
