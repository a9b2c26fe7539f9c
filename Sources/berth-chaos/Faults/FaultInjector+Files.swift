import Chaos

/// Files of databases that cannot be opened, read, written or mapped.
extension FaultInjector {
    func failCalls(_ kind: FaultKind, of node: String, _ lasting: Duration, _ strength: Double) async throws -> Effect {
        guard let faults = fleet.fileFaults[node], let fault = FileFault(kind, strength: strength) else {
            throw NothingThere(why: "the library that makes calls fail is not there")
        }
        let before = try faults.failures(of: fault.calls)
        try faults.begin(fault)
        await last(lasting)
        try faults.end(fault)
        let failed = try faults.failures(of: fault.calls) - before
        guard failed > 0 else { throw NothingThere(why: "no such call was made") }
        return Effect(targets: [node], note: "\(fault), for \(lasting), \(failed) failed")
    }
}
