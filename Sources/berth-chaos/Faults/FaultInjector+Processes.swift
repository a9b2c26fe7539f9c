import Chaos
import Foundation
import Glibc

/// Kills, stops and pauses of processes.
extension FaultInjector {
    /// The signal of one of the ways in which a program crashes.
    static func crash(strength: Double) -> Int32 {
        let signals = [SIGSEGV, SIGABRT, SIGILL]
        return signals[min(signals.count - 1, Int(strength * Double(signals.count)))]
    }

    func killWorker(of node: String, by signal: Int32) async throws -> Effect {
        let pid = try await worker(of: node)
        kill(pid, signal)
        try await eventually("\(node) has a new worker", within: Self.returnPatience) {
            fleet.worker(of: node).map { $0 != pid } ?? false ? true : nil
        }
        await waitForReturn(of: node)
        return Effect(targets: [node], note: "process \(pid), signal \(signal)")
    }

    /// As an upgrade does that puts the next program in the place of the one that runs.
    func replaceProgram(under node: String) async throws -> Effect {
        let program = fleet.settings.program, next = program + ".\(node)"
        try? FileManager.default.removeItem(atPath: next)
        try FileManager.default.copyItem(atPath: program, toPath: next)
        guard rename(next, program) == 0 else { throw ChaosError("\(program): \(String(cString: strerror(errno)))") }
        var effect = try await killWorker(of: node, by: SIGKILL)
        effect.note += ", the program replaced"
        return effect
    }

    /// A worker whose session lives for longer than the others' stands still for longer than that.
    func pauseWithLongTTL(_ node: String, _ lasting: Duration) async throws -> Effect {
        let ttl = lasting * 3 / 4, store = try FleetStoreReader(fleet)
        func set(_ ttl: Duration) async throws { try await Task { try await store.setLeaseTTL(ttl) }.value }
        let result: Result<Void, any Error>
        do {
            try await set(ttl)
            _ = try await killWorker(of: node, by: SIGKILL)
            let pause = try await Pause.begin([try await worker(of: node)])
            await last(lasting)
            pause.end()
            result = .success(())
        } catch { result = .failure(error) }
        do { try await set(fleet.settings.leaseTTL) } catch {
            await store.close()
            throw error
        }
        await store.close()
        try result.get()
        await waitForReturn(of: node)
        return Effect(targets: [node], note: "for \(lasting), its TTL \(ttl)")
    }

    func killSupervisor(of node: String) async throws -> Effect {
        guard let pid = try fleet.process(node).signal(SIGKILL) else { throw NothingThere(why: "no supervisor runs") }
        await waitForReturn(of: node)
        return Effect(targets: [node], note: "process \(pid)")
    }

    /// - Parameters:
    ///   - losesDisk: whether it comes back with an empty data directory.
    ///   - step: seconds by which its clocks are ahead of the machine's when it comes back; `nil` leaves them alone.
    func killMachine(_ node: String, losesDisk: Bool, step: Int?) async throws -> Effect {
        let process = try fleet.process(node), worker = try await worker(of: node)
        let supervisor = try await process.whileDown {
            // In this order: a supervisor that sees its worker dead would say so.
            guard let supervisor = process.signal(SIGKILL) else { throw NothingThere(why: "no supervisor runs") }
            kill(worker, SIGKILL)
            try await process.waitUntilDown(within: Self.returnPatience)
            try await eventually("\(node)'s worker is gone", within: Self.returnPatience) {
                ProcessTable.commandLine(of: worker).isEmpty ? true : nil
            }
            if losesDisk { try emptyDisk(of: node) }
            if let step { process.setPrefix(SteppedClock.prefix(seconds: step)) }
            return supervisor
        }
        await waitForReturn(of: node)
        return Effect(
            targets: [node], note: "processes \(supervisor), \(worker)" + (step.map { ", clocks \($0) s ahead" } ?? ""))
    }

    private func emptyDisk(of node: String) throws {
        let directory = fleet.dataDirectory(of: node)
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
            try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
        }
    }

    func stopNode(_ node: String) async throws -> Effect {
        let process = try fleet.process(node), starts = process.starts
        guard let pid = process.signal(SIGTERM) else { throw NothingThere(why: "no supervisor runs") }
        try await eventually("\(node) has stopped", within: .seconds(60)) { process.starts > starts ? true : nil }
        await waitForReturn(of: node)
        return Effect(targets: [node], note: "process \(pid)")
    }

    func killProcess(_ name: String) async throws -> Effect {
        guard let pid = try fleet.process(name).signal(SIGKILL) else { throw NothingThere(why: "it does not run") }
        await waitForReturn(of: name)
        return Effect(targets: [name], note: "process \(pid)")
    }

    func pause(_ kind: FaultKind, _ name: String, _ lasting: Duration) async throws -> Effect {
        var processes: [Int32] = []
        if kind != .workerPause {
            guard let pid = try fleet.process(name).pid else { throw NothingThere(why: "it does not run") }
            processes.append(pid)
        }
        if kind != .managerPause { processes.append(try await worker(of: name)) }
        let pause = try await Pause.begin(processes)
        await last(lasting)
        pause.end()
        await waitForReturn(of: name)
        return Effect(targets: [name], note: "for \(lasting)")
    }

    /// A node's worker, which may just be being started.
    func worker(of node: String) async throws -> Int32 {
        do {
            return try await eventually("\(node) has a worker", within: .seconds(8)) { fleet.worker(of: node) }
        } catch {
            throw NothingThere(why: "no worker runs")
        }
    }

    /// Waits until a process answers again. Another fault may keep it from that: then it is not waited for longer.
    private func waitForReturn(of name: String) async {
        try? await fleet.waitUntilReady(name, within: Self.returnPatience)
    }
}
