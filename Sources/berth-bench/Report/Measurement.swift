/// One figure beside its baseline.
struct Measurement: Sendable, Equatable {
    var metric: String
    var value: Double
    var unit: String
    /// The same work done by what it is compared with, in the same unit; `nil` when there is nothing to compare with.
    var baseline: Double?
    /// `value / baseline`, taken round by round.
    var ratio: Double?
    var target: Target?

    /// `nil` when nothing has to be reached.
    var isMet: Bool? { target?.isMet(value: value, ratio: ratio) }
}

/// What a figure must reach.
struct Target: Sendable, Equatable, CustomStringConvertible {
    enum Subject: String, Sendable { case value, ratio }
    enum Direction: String, Sendable { case atLeast = "≥", atMost = "≤" }

    var subject: Subject
    var direction: Direction
    var limit: Double

    static func ratio(atLeast limit: Double) -> Target { Target(subject: .ratio, direction: .atLeast, limit: limit) }
    static func ratio(atMost limit: Double) -> Target { Target(subject: .ratio, direction: .atMost, limit: limit) }
    static func value(atMost limit: Double) -> Target { Target(subject: .value, direction: .atMost, limit: limit) }

    /// As in `ratio ≥ 0.95`.
    var description: String { "\(subject.rawValue) \(direction.rawValue) \(ReportNumber.short(limit))" }

    func isMet(value: Double, ratio: Double?) -> Bool {
        guard let figure = subject == .value ? value : ratio, figure.isFinite else { return false }
        return direction == .atLeast ? figure >= limit : figure <= limit
    }
}
