public import FleetModel

/// The engines of a node.
public struct EngineSet: Sendable {
    private var engines: [EngineKind: any Engine] = [:]
    private var absent: [EngineKind: BerthError] = [:]

    public init(_ engines: [any Engine] = []) {
        for engine in engines { self.engines[engine.kind] = engine }
    }

    /// The kinds that can be served.
    public var kinds: Set<EngineKind> { Set(engines.keys) }

    public mutating func add(_ engine: any Engine) { engines[engine.kind] = engine }

    /// - Parameter error: what is wrong with the engine and what mends it.
    public mutating func miss(_ kind: EngineKind, _ error: BerthError) { absent[kind] = error }

    /// All of them, each as ``Engine/timed(by:)``.
    public func timed(by clock: any FleetClock) -> EngineSet {
        var timed = self
        timed.engines = engines.mapValues { $0.timed(by: clock) }
        return timed
    }

    /// - Throws: code `engine_unavailable`.
    public func engine(_ kind: EngineKind) throws(BerthError) -> any Engine { try find(kind).get() }

    /// The engine, or why it is not there: `engine_unavailable`.
    public func find(_ kind: EngineKind) -> Result<any Engine, BerthError> {
        if let engine = engines[kind] { return .success(engine) }
        return .failure(
            absent[kind]
                ?? BerthError(.engineUnavailable, "This node has no \(kind.rawValue) engine. Move the database to a node that has one."))
    }
}
