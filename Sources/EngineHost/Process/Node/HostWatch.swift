import FleetModel

/// What a node does about one of its hosts, from what it sees of it at each look: a pure value.
///
/// Silence is counted in looks, not by the clock: a node that was stopped, and goes on, has not looked in the meantime.
struct HostWatch {
    enum Action: Hashable {
        /// It is asked for a sign of life.
        case ping
        /// What is free goes back to the machine.
        case giveBack
        /// The request whose work has this number ends.
        case giveWay(work: UInt64)
        case end(HostDeath)
    }

    /// What is seen of it.
    struct Sight {
        /// It can be asked.
        var isReady: Bool
        /// Something came from it since the look before.
        var wasHeard: Bool
        /// `nil` when that is not known.
        var residentBytes: Int64?
    }

    private let limits: HostLimits
    private let looksPerPing: Int
    /// Looks in a row at which nothing may have come from it.
    let patience: Int
    private var looks = 0
    private var silence = 0
    private var relief: MemoryRelief

    /// - Parameter interval: between two looks.
    init(_ limits: HostLimits, interval: Duration) {
        invariant(interval > .zero, "nobody looks after a host")
        self.limits = limits
        looksPerPing = max(1, Int(.seconds(1) / interval))
        patience = max(2, Int(limits.stallTimeout / interval))
        relief = MemoryRelief(limits)
    }

    /// - Parameter works: everything it is carrying out; asked for when it matters.
    mutating func look(_ sight: Sight, works: () -> [ExecutionBoard.Work], at now: Duration) -> [Action] {
        looks += 1
        silence = sight.wasHeard || !sight.isReady ? 0 : silence + 1
        if silence > patience { return [.end(.stalled)] }
        var actions: [Action] = []
        if sight.isReady && looks % looksPerPing == 0 { actions.append(.ping) }
        guard let resident = sight.residentBytes else { return actions }
        if resident > limits.memoryBytes { return [.end(.memory(told(resident)))] }
        switch relief.look(resident: resident, works: works, at: now) {
        case .giveBack: actions.append(.giveBack)
        case .giveWay(let work): actions.append(.giveWay(work: work))
        case .recycle: return [.end(.bloated(told(resident)))]
        case nil: break
        }
        return actions
    }

    private func told(_ resident: Int64) -> String { "\(resident >> 20) of \(limits.memoryBytes >> 20) MiB" }
}
