/// A point in time of one run: microseconds since its beginning, on a clock that never goes back.
public struct Moment: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// - Parameter duration: since the beginning of the run.
    public init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    public init(from decoder: any Decoder) throws {
        microseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(microseconds)
    }

    public static func < (left: Moment, right: Moment) -> Bool { left.microseconds < right.microseconds }
    public static func - (left: Moment, right: Moment) -> Duration { .microseconds(left.microseconds - right.microseconds) }
    public static func + (left: Moment, right: Duration) -> Moment {
        Moment(microseconds: left.microseconds + Moment(right).microseconds)
    }
    public static func - (left: Moment, right: Duration) -> Moment {
        Moment(microseconds: left.microseconds - Moment(right).microseconds)
    }

    /// Seconds with three digits.
    public var description: String {
        let milliseconds = microseconds / 1000
        let fraction = String(abs(milliseconds) % 1000)
        return "\(microseconds < 0 ? "-" : "")\(abs(milliseconds) / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction) s"
    }
}
