/// Where chance comes from: jitter, back-off, identifiers, choices.
///
/// Injected wherever a decision of the fleet depends on it, so that a simulation replays a schedule exactly. One value is
/// shared by everything in a process, so it is safe from any thread.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private let draw: @Sendable () -> UInt64

    /// - Parameter draw: 64 evenly distributed bits at every call, from any thread.
    public init(_ draw: @escaping @Sendable () -> UInt64) { self.draw = draw }

    public mutating func next() -> UInt64 { draw() }

    /// The system's, unpredictable.
    public static let system = RandomSource {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }

    /// Evenly distributed in `range`.
    public func fraction(in range: ClosedRange<Double>) -> Double {
        var generator = self
        return Double.random(in: range, using: &generator)
    }
}
