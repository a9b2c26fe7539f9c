import FleetModel
import FleetStore
import Placement

/// Empties a node: nothing new comes to it, and what it leads moves away, many at a time.
struct DrainOperation {
    let context: OperationContext

    /// Databases looked at by one query; a drain of more goes on with the next.
    private static let page = 20_000

    func run() async throws {
        guard let node = context.record.node else {
            throw BerthError(.invalidArgument, "A drain needs a node.")
        }
        try await context.catalogue.setState(.cordoned, of: node)
        var total = context.record.total
        let outcome: OperationState = try await context.wait(timeout: nil, for: "“\(node)” to be empty") {
            if try await context.isCancelRequested() { return .cancelled }
            let remaining = try await context.catalogue.databases(on: node, limit: Self.page)
            total = max(total, Int64(remaining.count))
            try await context.progress(done: total - Int64(remaining.count), total: total)
            if remaining.isEmpty { return .succeeded }
            try await placeNext(remaining, away: node)
            return nil
        }
        await context.finish(outcome)
    }

    /// Keeps a bounded number of moves under way.
    private func placeNext(_ remaining: [PlacedDatabase], away node: NodeName) async throws {
        let waiting = remaining.filter { $0.placedOn == node }
        let underWay = remaining.count - waiting.count
        let room = context.manager.settings.drainParallelism - underWay
        guard room > 0, !waiting.isEmpty else { return }
        let batches = Dictionary(grouping: waiting.prefix(room), by: \.engine).sorted { $0.key.rawValue < $1.key.rawValue }
        for (engine, batch) in batches {
            let others = try await context.manager.candidates(for: engine).filter { $0.node != node }
            guard !others.isEmpty else {
                throw BerthError(
                    .lastNode,
                    "No other node is alive, takes databases and has the engine “\(engine.rawValue)”, so “\(node)” cannot be drained. "
                        + "Add a node or uncordon one.")
            }
            let targets = LeaderChoice.spread(batch.count, over: others)
            try await context.catalogue.place(zip(batch, targets).map { ($0.database, node, $1) }, under: context.term)
        }
    }
}
