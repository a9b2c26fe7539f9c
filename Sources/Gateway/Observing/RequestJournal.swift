import FleetModel
import Hrana
import Logging
import Metrics
import Synchronization

/// Counts, times and logs what became of requests.
final class RequestJournal: Sendable {
    /// What a request spoke, as far as it got: the label `protocol`.
    private enum Spoken: Int, CaseIterable {
        case none, hrana1, hrana2, hrana3, load

        init(_ target: DataTarget?) {
            self =
                switch target?.route {
                case nil: .none
                case .v1Execute, .v1Batch, .versionCheck(.one), .pipeline(.one): .hrana1
                case .pipeline(.two), .versionCheck(.two): .hrana2
                case .pipeline(.three), .versionCheck(.three), .cursor: .hrana3
                case .load: .load
                }
        }

        var label: String {
            switch self {
            case .none: "http"
            case .hrana1, .hrana2, .hrana3: "hrana\(rawValue)"
            case .load: "load"
            }
        }
    }

    private let logger: Logger
    private let clock: any FleetClock
    private let budget = WarningBudget()
    private let durations: [Timer]
    /// The common case, without a lock.
    private let successes: [Counter]
    private let others = Mutex<[String: Counter]>([:])

    init(logger: Logger, clock: any FleetClock) {
        self.logger = logger
        self.clock = clock
        durations = Spoken.allCases.map {
            Timer(label: "berth_request_seconds", dimensions: [("protocol", $0.label)])
        }
        successes = Spoken.allCases.map { Self.counter($0, "ok") }
    }

    /// A request was answered, whatever the answer.
    func answered(_ outcome: OutgoingReply.Outcome, _ target: DataTarget?, requestID: String, after duration: Duration) {
        invariant(duration >= .zero, "a request ended before it began")
        let spoken = Spoken(target)
        durations[spoken.rawValue].recordNanoseconds(duration.nanoseconds)
        if outcome == .ok {
            successes[spoken.rawValue].increment()
        } else {
            let label = outcome.label
            others.withLock { counters in
                counters[spoken.label + label] ?? {
                    let counter = Self.counter(spoken, label)
                    counters[spoken.label + label] = counter
                    return counter
                }()
            }.increment()
        }
        logger.debug(
            "request answered",
            metadata: [
                "database": "\(target?.database.description ?? "-")", "request_id": "\(requestID)",
                "outcome": "\(outcome.label)", "seconds": "\(duration.seconds)",
            ])
    }

    /// A request failed for a reason that is not the caller's.
    func failed(_ error: BerthError, database: DatabaseName?, requestID: String) {
        guard error.code.httpStatus >= 500, let withheld = budget.take(at: clock.now()) else { return }
        logger.warning(
            "request failed",
            metadata: [
                "database": "\(database?.description ?? "-")", "request_id": "\(requestID)",
                "code": "\(error.code.rawValue)", "message": "\(error.message)", "withheld": "\(withheld)",
            ])
    }

    private static func counter(_ spoken: Spoken, _ outcome: String) -> Counter {
        Counter(label: "berth_requests_total", dimensions: [("protocol", spoken.label), ("outcome", outcome)])
    }
}
