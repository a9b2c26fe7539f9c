/// One fault of a plan.
public struct PlannedFault: Sendable, Hashable, Codable {
    public var number: Int
    public var kind: FaultKind
    /// As in ``FaultRecord/targets``.
    public var targets: [String]
    /// After the beginning of the plan.
    public var at: Moment
    /// Time in effect; zero for a kill, whose end is the process's return.
    public var lasting: Moment
    /// How hard, from 0 to 1: the share of requests hit, the length of a delay, the size of a step.
    public var strength: Double

    /// What no other fault may hit meanwhile: of a link its two ends together, so that their other links stay free.
    public var exclusiveTargets: [String] {
        switch kind {
        case .linkCut, .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle: [targets.joined(separator: ">")]
        case .move: []
        default: targets
        }
    }
}
