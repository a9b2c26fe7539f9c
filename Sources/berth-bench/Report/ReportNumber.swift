import Foundation

/// Numbers as people read them.
enum ReportNumber {
    /// Three significant digits, thousands in groups: `0.95`, `12.3`, `84,200`.
    static func short(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        let magnitude = abs(value)
        if magnitude >= 1000 {
            let unit = pow(10, (log10(magnitude)).rounded(.down) - 2)
            return grouped(Int64((value / unit).rounded() * unit))
        }
        let digits = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2
        let text = String(format: "%.\(digits)f", value)
        guard text.contains(".") else { return text }
        let trimmed = text.reversed().drop { $0 == "0" }.drop { $0 == "." }
        return String(trimmed.reversed())
    }

    private static func grouped(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return text
    }
}
