import Chaos
import Foundation

/// Networks, disks and operators.
extension FaultInjector {
    func breakLink(_ kind: FaultKind, _ targets: [String], _ lasting: Duration, _ strength: Double) async throws -> Effect {
        guard targets.count == 2 else { throw NothingThere(why: "there are no two parties") }
        if targets[1] == Party.bucket, fleet.settings.bucket == .directory {
            throw NothingThere(why: "a directory has no connections")
        }
        let condition: LinkCondition, note: String
        switch kind {
        case .linkHold: (condition, note) = (LinkCondition(held: [.forth, .back]), "nothing arrives")
        case .linkHoldOneWay:
            (condition, note) = strength < 0.5
                ? (LinkCondition(held: [.forth]), "requests do not arrive") : (LinkCondition(held: [.back]), "replies do not arrive")
        case .linkSlow:
            let delay = Duration.milliseconds(20 + Int(strength * 500))
            (condition, note) = (LinkCondition(delay: delay), "\(delay) late")
        case .linkThrottle:
            let rate = 2_000 + Int(strength * 60_000)
            (condition, note) = (LinkCondition(rate: rate), "\(rate) bytes/s")
        default: (condition, note) = (LinkCondition(isCut: true), "cut")
        }
        let ticket = fleet.network.impose(condition, on: [Link(from: targets[0], to: targets[1])])
        await last(lasting)
        fleet.network.lift(ticket)
        return Effect(targets: targets, note: "\(note) for \(lasting)")
    }

    func fillDisk(of node: String, _ lasting: Duration) async throws -> Effect {
        guard let disk = fleet.disks[node] else { throw NothingThere(why: "only root can mount a small disk") }
        try disk.fill()
        await last(lasting)
        disk.free()
        return Effect(targets: [node], note: "for \(lasting)")
    }

    func move(to node: String, _ strength: Double) async throws -> Effect {
        let name = databases[min(databases.count - 1, Int(strength * Double(databases.count)))]
        do {
            let answer = try await AdminClient(fleet: fleet).post("/v1/databases/\(name)/move", ["to": node])
            guard (200..<300).contains(answer.status) else { throw NothingThere(why: "refused with status \(answer.status)") }
        } catch let nothing as NothingThere {
            throw nothing
        } catch {
            throw NothingThere(why: "no manager answers")
        }
        return Effect(targets: [node], note: name)
    }
}
