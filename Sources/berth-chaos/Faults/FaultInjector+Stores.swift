import Chaos
import LocalFleet

/// Troubles of Postgres and of the object store.
extension FaultInjector {
    func killPostgres(_ lasting: Duration) async throws -> Effect {
        await fleet.postgres.kill()
        await last(lasting)
        try await startPostgres()
        return Effect(targets: [Party.postgres], note: "away for \(lasting)")
    }

    func restartPostgres() async throws -> Effect {
        await fleet.postgres.stop()
        try await startPostgres()
        return Effect(targets: [Party.postgres], note: "")
    }

    func slowPostgres(_ lasting: Duration, _ strength: Double) async throws -> Effect {
        let delay = Duration.milliseconds(20 + Int(strength * 400))
        let topology = fleet.settings.topology
        let links = (topology.nodes + topology.managers + topology.gateways).map { Link(from: $0, to: Party.postgres) }
        let ticket = fleet.network.impose(LinkCondition(delay: delay), on: links)
        await last(lasting)
        fleet.network.lift(ticket)
        return Effect(targets: [Party.postgres], note: "\(delay) late for \(lasting)")
    }

    func troubleBucket(_ kind: FaultKind, _ lasting: Duration, _ strength: Double) async throws -> Effect {
        let lift: @Sendable () -> Void, note: String
        let share = 0.2 + 0.8 * strength
        switch (fleet.settings.bucket, kind) {
        case (.directory, .bucketError):
            lift = try fleet.bucket.takeAway()
            note = "away"
        case (.directory, _): throw NothingThere(why: "a directory cannot; take --bucket-kind s3")
        case (.s3, .bucketError):
            lift = fleet.bucket.impose(BucketTrouble(errors: share))
            note = "\(Int(share * 100)) % of requests refused"
        case (.s3, .bucketSlow):
            let delay = Duration.milliseconds(100 + Int(strength * 1500))
            lift = fleet.bucket.impose(BucketTrouble(delay: delay))
            note = "\(delay) late"
        case (.s3, .bucketThrottle):
            let rate = 20_000 + Int(strength * 480_000)
            lift = fleet.bucket.impose(BucketTrouble(bytesPerSecond: rate))
            note = "\(rate) bytes/s"
        case (.s3, .bucketCut):
            lift = fleet.bucket.impose(BucketTrouble(cuts: share))
            note = "\(Int(share * 100)) % of bodies cut"
        case (.s3, _):
            lift = fleet.bucket.impose(BucketTrouble(lostReplies: share))
            note = "\(Int(share * 100)) % of replies lost"
        }
        await last(lasting)
        lift()
        return Effect(targets: [Party.bucket], note: "\(note) for \(lasting)")
    }

    /// One database's changesets, or any change of its lease.
    func refuseRows(_ lasting: Duration, _ strength: Double) async throws -> Effect {
        let table = strength < 0.5 ? "segments" : "leases"
        let scaled = (strength < 0.5 ? strength : strength - 0.5) * 2
        let database = databases[min(databases.count - 1, Int(scaled * Double(databases.count)))]
        let store = try FleetStoreReader(fleet)
        do {
            try await store.refuse(database, in: table)
            await last(lasting)
            // Not cancelled with the run, or nothing could heal.
            try await Task { try await store.refuseNothing() }.value
        } catch {
            await store.close()
            throw error
        }
        await store.close()
        return Effect(targets: [Party.postgres], note: "refuses \(table) of \(database) for \(lasting)")
    }

    /// Not cancelled with the run: whatever follows needs it.
    func startPostgres() async throws {
        let postgres = fleet.postgres
        try await Task { try await postgres.start() }.value
    }
}
