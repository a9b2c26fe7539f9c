import Foundation

/// `timestamptz` in the form of `DateStyle = ISO, YMD` and `TimeZone = UTC`, which every connection sets:
/// `2026-01-31 23:59:59.123456+00`.
enum TimestampText {
    private static let microsecondsPerDay: Int64 = 86_400_000_000

    /// `nil` outside the years 1 to 9999.
    static func write(_ date: Date) -> String? {
        let seconds = date.timeIntervalSince1970
        guard seconds >= -62_135_596_800, seconds < 253_402_300_799 else { return nil }
        // Whole and fraction apart: together they would exceed a double's 53 bits.
        let whole = seconds.rounded(.down)
        let total = Int64(whole) * 1_000_000 + Int64(((seconds - whole) * 1_000_000).rounded())
        let (day, time) = floorDivide(total, microsecondsPerDay)
        let (year, month, dayOfMonth) = civil(fromDay: day)
        let second = time / 1_000_000
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2)) "
            + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))."
            + "\(padded(time % 1_000_000, 6))+00"
    }

    static func read(_ text: UnsafeBufferPointer<UInt8>) -> Date? {
        var reader = Reader(rest: text[...])
        guard let year = reader.number(digits: 4), reader.take("-"), let month = reader.number(digits: 2),
            reader.take("-"), let day = reader.number(digits: 2), reader.take(" "),
            let hour = reader.number(digits: 2), reader.take(":"), let minute = reader.number(digits: 2),
            reader.take(":"), let second = reader.number(digits: 2)
        else { return nil }
        let microseconds = reader.take(".") ? reader.fraction() : 0
        guard let microseconds, reader.take("+"), reader.number(digits: 2) == 0, reader.rest.isEmpty,
            (1...12).contains(month), hour < 24, minute < 60, second < 60
        else { return nil }
        let number = dayNumber(year, month, day)
        // A day or a year that the calendar does not have would silently become another.
        guard year >= 1, civil(fromDay: number) == (year, month, day) else { return nil }
        let seconds = number * 86_400 + hour * 3600 + minute * 60 + second
        return Date(timeIntervalSince1970: Double(seconds) + Double(microseconds) / 1_000_000)
    }

    private struct Reader {
        var rest: Slice<UnsafeBufferPointer<UInt8>>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func digit() -> Int64? {
            guard let byte = rest.first, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            rest.removeFirst()
            return Int64(byte - UInt8(ascii: "0"))
        }

        mutating func number(digits: Int) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        /// One to six digits, as microseconds.
        mutating func fraction() -> Int64? {
            var value: Int64 = 0
            var scale: Int64 = 1_000_000
            while scale > 1, let digit = digit() {
                value = value * 10 + digit
                scale /= 10
            }
            return scale == 1_000_000 ? nil : value * scale
        }
    }

    /// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (Howard Hinnant, “chrono-compatible low-level
    /// date algorithms”, `days_from_civil`).
    private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floorDivide(shifted, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The inverse, `civil_from_days`.
    private static func civil(fromDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(day + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
