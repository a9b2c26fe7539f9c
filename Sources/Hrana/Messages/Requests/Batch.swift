/// Statements run one after the other on one stream; a failing step does not stop the later ones.
public struct Batch: Sendable, Hashable {
    public struct Step: Sendable, Hashable {
        /// The step is skipped when this does not hold; `nil` always holds.
        public var condition: BatchCondition?
        public var statement: HranaStatement

        public init(_ statement: HranaStatement, condition: BatchCondition? = nil) {
            self.condition = condition
            self.statement = statement
        }
    }

    public var steps: [Step]

    public init(steps: [Step]) {
        self.steps = steps
    }
}

/// How a step of a batch went.
public enum StepOutcome: Sendable, Hashable {
    case succeeded
    case failed
    /// Its condition did not hold. To the conditions of later steps it is the same as having failed.
    case skipped
}
