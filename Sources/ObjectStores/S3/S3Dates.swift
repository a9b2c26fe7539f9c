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
        let halves = text.split(separator: "T", omittingEmptySubsequences: false)
        guard halves.count == 2, halves[1].hasSuffix("Z"), let day = numbers(halves[0], "-", widths: [4, 2, 2]) else { return nil }
        let clock = halves[1].dropLast().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let time = numbers(clock[0], ":", widths: [2, 2, 2]) else { return nil }
        var fraction = 0.0
        if clock.count > 1 {
            guard !clock[1].isEmpty, clock[1].utf8.allSatisfy(isDigit), let given = Double("0.\(clock[1])") else { return nil }
            fraction = given
        }
        return date(year: day[0], month: day[1], day: day[2], time)?.addingTimeInterval(fraction)
    }

    /// As the `Last-Modified` header has it: `Fri, 24 May 2013 00:00:00 GMT`.
    static func headerDate(_ text: String) -> Date? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 6, words[5] == "GMT", let day = numbers(words[1], " ", widths: [2]),
            let year = numbers(words[3], " ", widths: [4]), let month = months.firstIndex(of: String(words[2])),
            let time = numbers(words[4], ":", widths: [2, 2, 2])
        else { return nil }
        return date(year: year[0], month: Int32(month) + 1, day: day[0], time)
    }

    /// Decimal numbers of just so many digits each.
    private static func numbers(_ text: Substring, _ separator: Character, widths: [Int]) -> [Int32]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == widths, parts.allSatisfy({ $0.utf8.allSatisfy(isDigit) }) else { return nil }
        return parts.compactMap { Int32($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    /// - Parameter time: hour, minute, second; 60 seconds are a leap second.
    private static func date(year: Int32, month: Int32, day: Int32, _ time: [Int32]) -> Date? {
        guard (1...12).contains(month), (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        var parts = tm()
        parts.tm_year = year - 1900
        parts.tm_mon = month - 1
        parts.tm_mday = day
        let midnight = timegm(&parts)
        // A day the month does not have was moved into the next.
        guard parts.tm_mday == day, parts.tm_mon == month - 1 else { return nil }
        return Date(timeIntervalSince1970: Double(midnight + Int(time[0] * 3600 + time[1] * 60 + time[2])))
    }
}
