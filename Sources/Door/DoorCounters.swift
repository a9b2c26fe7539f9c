import Metrics

/// `berth_door_connections_refused_total{reason}` and `berth_door_connections_ended_total{reason}`.
struct DoorCounters: Sendable {
    private let refused = Dictionary(
        uniqueKeysWithValues: Shortage.allCases.map { reason in
            (reason, Counter(label: "berth_door_connections_refused_total", dimensions: [("reason", reason.rawValue)]))
        })
    private let ended = Dictionary(
        uniqueKeysWithValues: EndReason.allCases.map { reason in
            (reason, Counter(label: "berth_door_connections_ended_total", dimensions: [("reason", reason.rawValue)]))
        })

    func refused(for shortage: Shortage) { refused[shortage]?.increment() }
    func ended(for reason: EndReason) { ended[reason]?.increment() }
}

/// Why a connection was ended from this side.
enum EndReason: String, CaseIterable, Sendable {
    /// Nothing was asked for a while.
    case idle
    /// A head did not end in time.
    case head
    /// A body came too slowly.
    case body
    /// A refused request did not end in time.
    case refusedBody = "refused_body"
    /// An answer was taken too slowly.
    case reader
    /// Too many requests in advance.
    case pipelining
    /// It waited longest when another one came and there was no room.
    case room
    /// It kept its answer waiting longest when there was no room for all answers.
    case answers
}
