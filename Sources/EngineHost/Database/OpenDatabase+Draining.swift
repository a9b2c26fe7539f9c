import FleetModel

/// Ahead of giving a database away: new work is refused, what is under way may finish, up to a time.
extension OpenDatabase {
    func drain(until deadline: Duration) async {
        isDraining = true
        reads?.setDraining(true)
        drainIsOver = false
        drainDeadline = deadline
        turn.refuseAll()
        let timer = Task { [host] in
            try await host.clock.sleep(until: deadline)
            self.endOpenTransactions()
        }
        defer { timer.cancel() }
        while case .open = state, !isQuiet, !drainIsOver { await withCheckedContinuation { quietWaiters.add($0) } }
    }

    nonisolated func endDraining() { Task { await self.endDrainingNow() } }

    private func endDrainingNow() {
        drainIsOver = true
        quietWaiters.resumeAll()
    }

    func resume() {
        isDraining = false
        reads?.setDraining(false)
        drainDeadline = nil
        drainIsOver = false
    }

    /// Past the drain deadline an open transaction, or an answer that is being read, ends as soon as nothing of it is being
    /// carried out.
    func endOpenTransactions() {
        guard let drainDeadline, host.clock.now() >= drainDeadline else { return }
        reads?.interrupt()
        for stream in streams.values
        where stream.isWaitingForClient && (stream.hasOpenTransaction || stream.cursor != nil) { close(stream) }
        resumeQuietWaitersIfQuiet()
    }

    /// Nothing is being carried out, and no transaction is open.
    private var isQuiet: Bool { requestsUnderWay == 0 && reads?.isIdle != false && !streams.values.contains { $0.hasOpenTransaction } }

    func resumeQuietWaitersIfQuiet() {
        if isDraining && isQuiet { quietWaiters.resumeAll() }
    }
}
