import FleetModel

/// How often in a row a worker ended before it had begun to work: a pure value.
///
/// A worker has begun when its session was opened. One that ends later crashed, and is started again for ever; one that never
/// comes so far will not by itself, and whoever keeps the supervisor running must learn of it.
struct WorkerStarts {
    /// How a start failed.
    enum Failure: CustomStringConvertible {
        case notStarted(BerthError)
        case ended(code: Int32)

        var description: String {
            switch self {
            case .notStarted(let error): error.message
            case .ended(let code) where code > 128: "it was ended by signal \(code - 128)"
            case .ended(let code): "it ended with code \(code)"
            }
        }
    }

    private let limit: Int
    private var failures = 0

    init(limit: Int) {
        invariant(limit > 0, "at least one start is tried")
        self.limit = limit
    }

    /// The worker opened its session, or was kept from it by what it stands on, which comes back by itself.
    mutating func succeeded() { failures = 0 }

    /// - Returns: the error to end with, once this was the last try.
    mutating func failed(_ failure: Failure) -> BerthError? {
        failures += 1
        guard failures >= limit else { return nil }
        return BerthError(
            .workerNotStarted,
            "The worker of this node could not be started, \(failures) times in a row; the last time: \(failure). The log above "
                + "says why. Correct that, then start the node again.")
    }
}
