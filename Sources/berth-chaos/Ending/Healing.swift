import Chaos

/// Finds out how long after the faults everything serves: every database takes a write, and answers a read through
/// every gateway and node.
struct Healing: Sendable {
    let fleet: ChaosFleet
    let workload: Workload
    let recorder: Recorder

    /// Until then it is waited for, so that a report says how late it was; the limit that counts is the checker's.
    private static let patience: Duration = .seconds(90)
    private static let timeout: Duration = .seconds(2)
    private static let pause: Duration = .milliseconds(100)

    /// Writes and reads of this are the harness's own, and checked like those of clients.
    private var client: Int { workload.settings.clients + 1 }

    /// Nothing must be broken any more.
    func run() async {
        recorder.record(.healed(recorder.clock.now()))
        let deadline = ContinuousClock.now + Self.patience
        await withDiscardingTaskGroup { group in
            for database in workload.settings.databases { group.addTask { await wait(for: database, until: deadline) } }
        }
    }

    /// One question at a time for each database: what is late must not be made later by asking.
    private func wait(for database: TestedDatabase, until deadline: ContinuousClock.Instant) async {
        // `nil` for a write, through whoever.
        var unserved: [String?] = [nil] + fleet.entries
        while !unserved.isEmpty, ContinuousClock.now < deadline, !Task.isCancelled {
            for entry in unserved where await isServed(database, through: entry) {
                recorder.record(.served(Served(database: database.name, through: entry, at: recorder.clock.now())))
                unserved.removeAll { $0 == entry }
            }
            if !unserved.isEmpty { try? await Task.sleep(for: Self.pause) }
        }
    }

    private func isServed(_ database: TestedDatabase, through entry: String?) async -> Bool {
        let through = entry ?? fleet.entries.randomElement() ?? ""
        let data = workload.dataClient(database.name, through: through, timeout: Self.timeout)
        if entry != nil {
            let outcome = await recorder.request(client: client, database: database.name, through: through, .read()) {
                await data.observe()
            }
            if case .observed = outcome { return true }
            return false
        }
        let write = workload.write(.appends, client, database.name)
        return await recorder.request(client: client, database: database.name, through: through, .append(write)) {
            await data.append(write)
        } == .acknowledged
    }
}
