public import FleetModel

/// The engines of a node.
public struct EngineSet: Sendable {
    private var engines: [EngineKind: any Engine] = [:]
    private var absent: [EngineKind: String] = [:]

    public init(_ engines: [any Engine] = []) {
        for engine in engines { self.engines[engine.kind] = engine }
    }

    /// The kinds that can be served.
    public var kinds: Set<EngineKind> { Set(engines.keys) }

    public mutating func add(_ engine: any Engine) { engines[engine.kind] = engine }

    /// - Parameter reason: what is wrong with the engine and what mends it.
    public mutating func miss(_ kind: EngineKind, because reason: String) { absent[kind] = reason }

    /// - Throws: code `engine_unavailable`.
    public func engine(_ kind: EngineKind) throws(BerthError) -> any Engine {
        if let engine = engines[kind] { return engine }
        throw BerthError(
            .engineUnavailable, absent[kind] ?? "This node has no \(kind.rawValue) engine. Move the database to a node that has one.")
    }
}
