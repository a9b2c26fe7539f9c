import CDuckDB

/// Dates, times and intervals as DuckDB writes them.
enum CalendarText {
    private static let secondsPerDay: Int64 = 86_400

    /// - Parameter days: since 1970-01-01.
    static func date(days: Int32) -> String {
        if days == .max { return "infinity" }
        if days == -.max { return "-infinity" }
        return date(days: Int64(days))
    }

    /// Source: "civil_from_days" in <https://howardhinnant.github.io/date_algorithms.html>.
    private static func date(days: Int64) -> String {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        // There is no year 0.
        return padded(year > 0 ? year : 1 - year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + (year > 0 ? "" : " (BC)")
    }

    /// - Parameters:
    ///   - value: since midnight, in fractions of a second.
    ///   - perSecond: how many of them a second has, a power of ten.
    static func time(_ value: Int64, perSecond: Int64) -> String {
        let seconds = value / perSecond
        let clock = padded(seconds / 3_600, 2) + ":" + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2)
        return clock + fraction(value % perSecond, perSecond: perSecond)
    }

    /// The time in microseconds in the upper 40 bits; below, by how many seconds the zone is less than the largest one east.
    static func timeWithZone(_ bits: UInt64) -> String {
        let largest: Int64 = 16 * 3_600 - 1
        let offset = largest - Int64(bits & 0xFF_FFFF)
        let seconds = abs(offset)
        var zone = (offset < 0 ? "-" : "+") + padded(seconds / 3_600, 2)
        if seconds % 3_600 != 0 { zone += ":" + padded(seconds / 60 % 60, 2) }
        if seconds % 60 != 0 { zone += ":" + padded(seconds % 60, 2) }
        return time(Int64(bits >> 24), perSecond: 1_000_000) + zone
    }

    /// - Parameter value: since 1970-01-01 00:00, in fractions of a second.
    static func timestamp(_ value: Int64, perSecond: Int64) -> String { timestamp(value, perSecond, zone: "") }

    /// - Parameter value: since 1970-01-01 00:00 UTC, in fractions of a second.
    static func timestampInUTC(_ value: Int64, perSecond: Int64) -> String { timestamp(value, perSecond, zone: "+00") }

    private static func timestamp(_ value: Int64, _ perSecond: Int64, zone: String) -> String {
        if value == .max { return "infinity" }
        if value == -.max { return "-infinity" }
        let perDay = secondsPerDay * perSecond
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: perDay)
        let (days, rest) = remainder < 0 ? (quotient - 1, remainder + perDay) : (quotient, remainder)
        return date(days: days) + " " + time(rest, perSecond: perSecond) + zone
    }

    static func interval(_ interval: duckdb_interval) -> String {
        var parts: [String] = []
        for (count, unit) in [(interval.months / 12, "year"), (interval.months % 12, "month"), (interval.days, "day")] where count != 0 {
            parts.append("\(count) \(unit)\(count == 1 || count == -1 ? "" : "s")")
        }
        if interval.micros != 0 || parts.isEmpty {
            let magnitude = interval.micros.magnitude
            let seconds = Int64(magnitude / 1_000_000)
            let clock = padded(seconds / 3_600, 2) + ":" + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2)
            parts.append(
                (interval.micros < 0 ? "-" : "") + clock + fraction(Int64(magnitude % 1_000_000), perSecond: 1_000_000))
        }
        return parts.joined(separator: " ")
    }

    /// Without trailing zeros; nothing for a whole second.
    private static func fraction(_ value: Int64, perSecond: Int64) -> String {
        guard value != 0 else { return "" }
        var digits = padded(value, "\(perSecond)".count - 1)
        while digits.last == "0" { digits.removeLast() }
        return "." + digits
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
