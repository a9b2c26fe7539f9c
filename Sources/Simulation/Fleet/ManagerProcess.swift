import FleetManager
import FleetModel
import Leases

/// A manager of the simulation, life after life.
final class ManagerProcess: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    let name: NodeName
    let fleet: SimulatedFleet
    private(set) var life: Life
    private var lives = 0

    init(_ name: NodeName, fleet: SimulatedFleet) {
        self.name = name
        self.fleet = fleet
        life = Life("\(name)", number: 0)
        life.isDead = true
    }

    var isUp: Bool { !life.isDead }

    func start() {
        guard !isUp else { return }
        lives += 1
        let life = Life("\(name)", number: lives)
        self.life = life
        let clock = fleet.makeClock(life)
        let random = fleet.makeRandom()
        var generator = random
        let session = NewSession(
            id: .random(using: &generator), node: name, role: .manager, address: "http://\(name):7070",
            timing: LeaseTiming(ttl: fleet.settings.managerTTL))
        fleet.note("\(name)", "life \(lives) begins, session \(session.id)")
        let store = fleet.storeConnection(life)
        let manager = FleetManager(
            session: session, leases: store, catalogue: store, objects: fleet.bucketConnection(life, clock, random),
            settings: fleet.managerSettings, hints: { [fleet] in fleet.hints(for: life) }, clock: clock, random: random,
            logger: fleet.logger("\(name)"))
        let scheduler = fleet.scheduler
        scheduler.start(on: life) {
            try? await manager.run()
            scheduler.after(.zero, on: scheduler.harness) {
                guard self.life === life, !life.isDead else { return }
                scheduler.kill(life)
                scheduler.after(.milliseconds(200), on: scheduler.harness) { self.start() }
            }
        }
    }

    func kill() {
        guard isUp, life.jobsOnStack == 0 else { return }
        fleet.scheduler.kill(life)
    }
}
