import Chaos
import Foundation
import Glibc
import Synchronization

/// Carries out a plan against a fleet, and writes down what really happened.
final class FaultInjector: Sendable {
    let fleet: ChaosFleet
    let recorder: Recorder
    let databases: [String]
    private let log: @Sendable (String) -> Void
    private let skipped = Mutex<[String: Int]>([:])
    private let turns = Turns()

    /// A process has this long to be back after a kill before the next fault may meet it.
    static let returnPatience: Duration = .seconds(15)

    init(_ fleet: ChaosFleet, recorder: Recorder, databases: [String], log: @escaping @Sendable (String) -> Void) {
        self.fleet = fleet
        self.recorder = recorder
        self.databases = databases
        self.log = log
    }

    /// What was planned and did not happen, with the reason.
    var notDone: [String: Int] { skipped.withLock { $0 } }

    /// Returns when every fault is over.
    func run(_ plan: FaultPlan) async {
        let clock = recorder.clock, beginning = clock.now()
        await withDiscardingTaskGroup { group in
            for fault in plan.faults {
                group.addTask {
                    guard (try? await clock.sleep(until: beginning + .microseconds(fault.at.microseconds))) != nil else { return }
                    await self.carryOut(fault)
                }
            }
        }
    }

    /// What a fault did, and when it was over.
    struct Effect: Sendable {
        var targets: [String]
        var note: String
    }

    /// There was nothing to break, so nothing happened.
    struct NothingThere: Error {
        var why: String
    }

    private func carryOut(_ fault: PlannedFault) async {
        let isFree: Void? = try? await turns.with(fault.exclusiveTargets) { await carryOutNow(fault) }
        if isFree == nil, !Task.isCancelled { skip(fault, "another fault still holds it") }
    }

    private func carryOutNow(_ fault: PlannedFault) async {
        let began = recorder.clock.now()
        do {
            let effect = try await inflict(fault)
            let record = FaultRecord(
                number: fault.number, kind: fault.kind, targets: effect.targets, began: began, ended: recorder.clock.now(),
                note: effect.note)
            recorder.record(record)
            log("\(began)  \(fault.kind.rawValue) \(effect.targets.joined(separator: " > ")) \(effect.note)")
        } catch let nothing as NothingThere {
            skip(fault, nothing.why)
        } catch {
            // It took effect, as far as can be known; its end is open.
            recorder.record(
                FaultRecord(
                    number: fault.number, kind: fault.kind, targets: fault.targets, began: began, ended: nil, note: "\(error)"))
            log("\(began)  \(fault.kind.rawValue) \(fault.targets.joined(separator: " > ")): \(error)")
        }
    }

    private func skip(_ fault: PlannedFault, _ why: String) {
        skipped.withLock { $0["\(fault.kind.rawValue): \(why)", default: 0] += 1 }
    }

    private func inflict(_ fault: PlannedFault) async throws -> Effect {
        let lasting = Duration.microseconds(fault.lasting.microseconds), target = fault.targets[0]
        switch fault.kind {
        case .workerKill: return try await killWorker(of: target, by: SIGKILL)
        case .workerCrash: return try await killWorker(of: target, by: Self.crash(strength: fault.strength))
        case .hostKill: return try await killHost(of: target, fault.strength)
        case .hostPause: return try await pauseHost(of: target, lasting, fault.strength)
        case .hostMemory: return try await fillHost(of: target, lasting, fault.strength)
        case .programReplaced: return try await replaceProgram(under: target)
        case .unequalTTL: return try await pauseWithLongTTL(target, lasting)
        case .supervisorKill: return try await killSupervisor(of: target)
        case .machineKill: return try await killMachine(target, losesDisk: false, step: nil)
        case .diskLoss: return try await killMachine(target, losesDisk: true, step: nil)
        case .clockStep: return try await killMachine(target, losesDisk: false, step: SteppedClock.step(strength: fault.strength))
        case .nodeStop: return try await stopNode(target)
        case .managerKill, .gatewayKill: return try await killProcess(target)
        case .workerPause, .machinePause, .managerPause: return try await pause(fault.kind, target, lasting)
        case .postgresKill: return try await killPostgres(lasting)
        case .postgresRestart: return try await restartPostgres()
        case .postgresSlow: return try await slowPostgres(lasting, fault.strength)
        case .postgresRefusal: return try await refuseRows(lasting, fault.strength)
        case .bucketError, .bucketSlow, .bucketCut, .bucketThrottle, .bucketLostReply:
            return try await troubleBucket(fault.kind, lasting, fault.strength)
        case .linkCut, .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle:
            return try await breakLink(fault.kind, fault.targets, lasting, fault.strength)
        case .diskFull: return try await fillDisk(of: target, lasting)
        case .fileFull, .fileError, .descriptorsOut, .memoryOut:
            return try await failCalls(fault.kind, of: target, lasting, fault.strength)
        case .move: return try await move(to: target, fault.strength)
        }
    }

    /// Lets a fault last; it is undone in any case, also when the run is ended early.
    func last(_ lasting: Duration) async { try? await Task.sleep(for: lasting) }
}
