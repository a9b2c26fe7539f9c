/// A whole run, put together from its events.
public struct History: Sendable {
    /// A request and what became of it.
    public struct Operation: Sendable, Hashable {
        public var start: RequestStart
        /// `nil` when the client never learned.
        public var finish: RequestFinish?

        public init(start: RequestStart, finish: RequestFinish?) {
            self.start = start
            self.finish = finish
        }

        public var id: Int { start.id }
        public var outcome: Outcome { finish?.outcome ?? .unknown("no answer") }
        /// When a write was acknowledged; `nil` when it was not.
        public var acknowledgedAt: Moment? { finish.flatMap { $0.outcome == .acknowledged ? $0.at : nil } }
        public var isRefused: Bool { if case .refused = outcome { true } else { false } }
        public var observation: Observation? { if case .observed(let observation) = outcome { observation } else { nil } }
    }

    public private(set) var databases: [TestedDatabase] = []
    /// In the order in which they were started.
    public private(set) var operations: [Operation] = []
    public private(set) var leaseChanges: [LeaseChange] = []
    public private(set) var sessionOpenings: [SessionOpening] = []
    public private(set) var sessionEnds: [SessionEnd] = []
    public private(set) var healedAt: Moment?
    public private(set) var served: [Served] = []
    public private(set) var contents: [Contents] = []
    public private(set) var comparisons: [Comparison] = []
    private var positions: [Int: Int] = [:]

    public init() {}

    public init(_ events: some Sequence<HistoryEvent>) {
        for event in events { add(event) }
    }

    public mutating func add(_ event: HistoryEvent) {
        switch event {
        case .database(let database): databases.append(database)
        case .started(let start):
            positions[start.id] = operations.count
            operations.append(Operation(start: start, finish: nil))
        case .finished(let finish):
            if let position = positions[finish.id] { operations[position].finish = finish }
        case .leaseChanged(let change): leaseChanges.append(change)
        case .sessionOpened(let opening): sessionOpenings.append(opening)
        case .sessionEnded(let end): sessionEnds.append(end)
        case .healed(let moment): healedAt = moment
        case .served(let served): self.served.append(served)
        case .contents(let contents): self.contents.append(contents)
        case .compared(let comparison): comparisons.append(comparison)
        }
    }
}
