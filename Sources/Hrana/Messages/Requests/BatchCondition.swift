/// When a step of a batch is run, said in terms of the steps before it.
public indirect enum BatchCondition: Sendable, Hashable {
    case succeeded(step: Int)
    /// The step failed or was skipped: the opposite of `succeeded`.
    case failed(step: Int)
    case not(BatchCondition)
    /// Holds when all hold; also when there are none.
    case all([BatchCondition])
    /// Holds when at least one holds; not when there are none.
    case any([BatchCondition])
    /// No transaction is open.
    case isAutocommit

    /// Whether the condition holds now.
    ///
    /// - Parameters:
    ///   - outcomes: Of the steps so far, in order. A step that is not among them is neither ok nor error; a request with such a condition is refused.
    ///   - isAutocommit: No transaction is open; asked only when the condition depends on it.
    public func holds(after outcomes: [StepOutcome], isAutocommit: @autoclosure () -> Bool) -> Bool {
        holds(after: outcomes, asking: isAutocommit)
    }

    private func holds(after outcomes: [StepOutcome], asking isAutocommit: () -> Bool) -> Bool {
        switch self {
        case .succeeded(let step): outcomes.indices.contains(step) && outcomes[step] == .succeeded
        case .failed(let step): outcomes.indices.contains(step) && outcomes[step] != .succeeded
        case .not(let condition): !condition.holds(after: outcomes, asking: isAutocommit)
        case .all(let conditions): conditions.allSatisfy { $0.holds(after: outcomes, asking: isAutocommit) }
        case .any(let conditions): conditions.contains { $0.holds(after: outcomes, asking: isAutocommit) }
        case .isAutocommit: isAutocommit()
        }
    }

    /// The first step named here that does not come before `step`; a batch with one makes no sense.
    func firstStepNotBefore(_ step: Int) -> Int? {
        switch self {
        case .succeeded(let other), .failed(let other): other >= 0 && other < step ? nil : other
        case .not(let condition): condition.firstStepNotBefore(step)
        case .all(let conditions), .any(let conditions):
            conditions.lazy.compactMap { $0.firstStepNotBefore(step) }.first
        case .isAutocommit: nil
        }
    }
}
