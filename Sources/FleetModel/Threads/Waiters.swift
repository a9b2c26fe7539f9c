/// Tasks that wait for the same thing. Confined to whoever they wait for.
public struct Waiters: Sendable {
    private var continuations: [CheckedContinuation<Void, Never>] = []

    public init() {}

    public mutating func add(_ continuation: CheckedContinuation<Void, Never>) { continuations.append(continuation) }

    /// Lets all of them go on that wait now.
    public mutating func resumeAll() {
        let resumed = continuations
        continuations = []
        for continuation in resumed { continuation.resume() }
    }
}
