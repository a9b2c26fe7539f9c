import FleetModel
import FleetStore
import Placement

/// Empties a node: nothing new comes to it, and what it leads moves away, many at a time.
///
/// It has happened when everything that left is served where it went.
struct DrainOperation {
    let context: OperationContext

    /// Databases looked at by one query; a drain of more goes on with the next.
    private static let page = 20_000
    /// Named in an error.
    private static let named = 5

    func run() async throws {
        guard let node = context.record.node else {
            throw BerthError(.invalidArgument, "A drain needs a node.")
        }
        try await context.catalogue.setState(.cordoned, of: node)
        var total = context.record.total
        // Of the manager before, too: what it has moved may not be served yet.
        var seen = Set(try await context.catalogue.placed(by: context.record.id))
        let outcome: OperationState = try await context.wait(timeout: nil, for: "“\(node)” to be empty") {
            if try await context.isCancelRequested() { return .cancelled }
            let remaining = try await context.catalogue.databases(on: node, limit: Self.page)
            seen.formUnion(remaining.map(\.database))
            let gone = seen.subtracting(remaining.map(\.database))
            let unserved = gone.isEmpty ? [] : try await context.catalogue.unserved(among: gone.sorted())
            let left = Int64(remaining.count + unserved.count)
            total = max(total, left)
            try await context.progress(done: total - left, total: total)
            if left == 0 { return .succeeded }
            if remaining.isEmpty && unserved.allSatisfy(\.isUnopenable) { throw unopenable(unserved.map(\.name)) }
            try await keepRefused(remaining, on: node)
            try await placeNext(remaining, away: node)
            return nil
        }
        await context.finish(outcome)
    }

    /// What no other node can open stays, once nothing else does.
    private func keepRefused(_ remaining: [PlacedDatabase], on node: NodeName) async throws {
        let refused = remaining.filter { $0.isRefused && $0.placedOn != node }
        guard !refused.isEmpty, refused.count == remaining.count else { return }
        try await context.catalogue.place(refused.map { ($0.database, $0.placedOn, node) }, under: context.term)
        var names: [DatabaseName] = []
        for database in refused.prefix(Self.named) {
            if let status = try await context.catalogue.database(database.database) { names.append(status.record.name) }
        }
        throw unopenable(names, count: refused.count)
    }

    private func unopenable(_ names: [DatabaseName], count: Int? = nil) -> BerthError {
        BerthError(
            .databaseUnopenable,
            "What is published of \(count ?? names.count) databases does not open on other nodes: "
                + names.prefix(Self.named).map { "“\($0)”" }.joined(separator: ", ")
                + ((count ?? names.count) > Self.named ? " and others" : "") + ". `berth db show` tells why, and what can be done.")
    }

    /// Keeps a bounded number of moves under way.
    private func placeNext(_ remaining: [PlacedDatabase], away node: NodeName) async throws {
        let waiting = remaining.filter { $0.placedOn == node }
        let underWay = remaining.count { $0.placedOn != node && !$0.isRefused }
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
            try await context.catalogue.place(
                zip(batch, targets).map { ($0.database, node, $1) }, by: context.record.id, under: context.term)
            try await context.catalogue.wantServed(batch.map(\.database), under: context.term)
        }
    }
}
