import FleetModel

/// Streams that hold nothing between their requests. They have no deadline and count towards no limit; with too many of them the
/// ones used longest ago are forgotten, and their clients get new ones without noticing.
///
/// Confined to the database's actor.
struct RestingStreams {
    private var streams: [UInt64: HranaStream] = [:]

    subscript(_ id: UInt64) -> HranaStream? { streams[id] }

    mutating func insert(_ stream: HranaStream, atMost limit: Int) {
        invariant(!stream.holdsSomething && !stream.isClosed, "a stream rests that holds something")
        streams[stream.id] = stream
        guard streams.count > limit else { return }
        // Half of them at once, so that the next ones cost nothing.
        let kept = streams.values.sorted { ($0.lastUse, $0.id) > ($1.lastUse, $1.id) }.prefix(limit / 2)
        streams = Dictionary(uniqueKeysWithValues: kept.map { ($0.id, $0) })
    }

    @discardableResult
    mutating func remove(_ id: UInt64) -> HranaStream? { streams.removeValue(forKey: id) }

    mutating func removeAll() { streams = [:] }
}
