import FleetModel

/// Appends JSON to a buffer of bytes.
///
/// It writes values and fixed pieces of text; the punctuation between them is up to the caller, who knows the message.
public struct JSONWriter: Sendable {
    /// Everything written so far.
    public private(set) var bytes: [UInt8]
    /// The columns written last, and how: results of one statement, run again and again, have the same.
    var latestColumns: (columns: [SQLResult.Column], json: [UInt8])?

    public init(reservingCapacity capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Bytes written so far.
    public var count: Int { bytes.count }

    /// Forgets everything after the first `count` bytes.
    public mutating func truncate(to count: Int) {
        bytes.removeSubrange(min(count, bytes.count)...)
    }

    /// Empties the writer and keeps its memory, for a stream of messages written one at a time.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    /// Writes a piece of JSON as it is.
    public mutating func literal(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    public mutating func bool(_ value: Bool) {
        value ? literal("true") : literal("false")
    }

    /// Writes a string, or `null`.
    public mutating func string(_ text: String?) {
        if let text { string(text) } else { literal("null") }
    }

    /// Writes a string with its quotes, escaping what JSON wants escaped and nothing else.
    public mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Writes the string that `utf8`, which is valid, spells.
    public mutating func string(utf8: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        while start < utf8.count {
            let end = StringBytes.firstSpecial(in: utf8, from: start, to: utf8.count).index
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: utf8[start..<end]))
            guard end < utf8.count else { break }
            escape(utf8[end])
            start = end + 1
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a piece of JSON as it is.
    mutating func json(_ piece: [UInt8]) { bytes.append(contentsOf: piece) }

    public mutating func integer(_ value: some BinaryInteger & FixedWidthInteger) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { digits in
            var magnitude = value.magnitude
            var start = digits.count
            repeat {
                let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: 10)
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: remainder)
                magnitude = quotient
            } while magnitude != 0
            if value < 0 {
                start -= 1
                digits[start] = UInt8(ascii: "-")
            }
            bytes.append(contentsOf: digits[start...])
        }
    }

    /// Writes the shortest number that reads back as the same `Double`; infinity as `1e999`, as libSQL does.
    ///
    /// - Precondition: `value` is a number. JSON has no form for NaN and `null` would be another value, so the caller
    ///   decides what NaN means; SQLite itself turns it into NULL.
    public mutating func double(_ value: Double) {
        assert(!value.isNaN, "JSON has no NaN")
        if value.isInfinite {
            value < 0 ? literal("-1e999") : literal("1e999")
        } else {
            bytes.append(contentsOf: value.description.utf8)
        }
    }

    /// Writes a string of standard Base64 without padding.
    public mutating func base64(_ blob: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        Base64.standard.encode(blob, appendingTo: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): literal("\\\"")
        case UInt8(ascii: "\\"): literal("\\\\")
        case 0x08: literal("\\b")
        case 0x0C: literal("\\f")
        case 0x0A: literal("\\n")
        case 0x0D: literal("\\r")
        case 0x09: literal("\\t")
        default:
            literal("\\u00")
            for digit in [byte >> 4, byte & 0xF] {
                bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }
}
