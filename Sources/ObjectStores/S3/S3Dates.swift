import FoundationEssentials
import Glibc

/// The three ways S3 writes a moment, all in UTC.
enum S3Dates {
    /// As `x-amz-date` has it: `20130524T000000Z`.
    static func amzDate(_ date: Date) -> String {
        var moment = time_t(date.timeIntervalSince1970.rounded(.down))
        var parts = tm()
        gmtime_r(&moment, &parts)
        func padded(_ value: Int32, _ width: Int = 2) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return padded(parts.tm_year + 1900, 4) + padded(parts.tm_mon + 1) + padded(parts.tm_mday) + "T"
            + padded(parts.tm_hour) + padded(parts.tm_min) + padded(parts.tm_sec) + "Z"
    }

    /// As listings have it: `2013-05-24T00:00:00.000Z`, with or without the fraction.
    static func listingDate(_ text: String) -> Date? {
        let numbers = text.split { !$0.isASCII || !$0.isNumber }.compactMap { Int32($0) }
        guard numbers.count >= 6, text.hasSuffix("Z") else { return nil }
        let fraction = numbers.count > 6
            ? text.split(separator: ".").last.flatMap { Double("0." + $0.dropLast()) } ?? 0 : 0
        return date(
            year: numbers[0], month: numbers[1], day: numbers[2], hour: numbers[3], minute: numbers[4],
            second: numbers[5])?.addingTimeInterval(fraction)
    }

    /// As the `Last-Modified` header has it: `Fri, 24 May 2013 00:00:00 GMT`.
    static func headerDate(_ text: String) -> Date? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int32(words[1]), let year = Int32(words[3]),
            let month = months.firstIndex(of: String(words[2]))
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int32($0) }
        guard clock.count == 3 else { return nil }
        return date(
            year: year, month: Int32(month) + 1, day: day, hour: clock[0], minute: clock[1], second: clock[2])
    }

    private static func date(
        year: Int32, month: Int32, day: Int32, hour: Int32, minute: Int32, second: Int32
    ) -> Date? {
        guard (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour), (0...59).contains(minute),
            (0...60).contains(second)
        else { return nil }
        var parts = tm()
        parts.tm_year = year - 1900
        parts.tm_mon = month - 1
        parts.tm_mday = day
        parts.tm_hour = hour
        parts.tm_min = minute
        parts.tm_sec = second
        return Date(timeIntervalSince1970: Double(timegm(&parts)))
    }
}
