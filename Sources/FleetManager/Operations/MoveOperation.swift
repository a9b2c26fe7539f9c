import FleetModel
import FleetStore

/// Moves one database to the node its row names: the intent is written, the two nodes do the rest.
///
/// It has happened when the target has opened the database, not when it holds the lease: a lease serves nobody.
struct MoveOperation {
    let context: OperationContext

    func run() async throws {
        guard let target = context.record.node else {
            throw BerthError(.invalidArgument, "A move needs a node to move to.")
        }
        do {
            try await move(to: target)
        } catch let error as BerthError 
        where error.code == .nodeDead || error.code == .timedOut || error.code == .databaseUnopenable {
            try await context.placeBack()
            throw error
        }
    }

    private func move(to target: NodeName) async throws {
        let node = try await context.aliveNode(target)
        let status = try await context.status()
        if status.placedOn != target {
            // Resumed after the intent was written, the cordon does not matter any more.
            guard node.state == .active else {
                throw BerthError(.nodeCordoned, "Node “\(target)” is cordoned. `berth node uncordon \(target)` lets it take databases.")
            }
            try await context.catalogue.place([(status.record.id, status.placedOn, target)], under: context.term)
        }
        try await context.catalogue.wantServed([status.record.id], under: context.term)
        try await context.progress(done: 0, total: 1)
        let moved = try await context.wait(timeout: context.manager.settings.moveTimeout, for: "“\(target)” to serve it") {
            () -> Bool? in
            if try await context.isServed(by: target) { return true }
            if try await context.isCancelRequested() { return false }
            _ = try await context.aliveNode(target)
            return nil
        }
        if moved {
            await context.finish(.succeeded, done: 1, total: 1)
        } else {
            try await context.placeBack()
            await context.finish(.cancelled)
        }
    }
}
