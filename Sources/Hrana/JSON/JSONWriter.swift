import FleetModel

/// Appends JSON to a buffer of bytes.
///
/// It writes values and fixed pieces of text; the punctuation between them is up to the caller, who knows the message.
public struct JSONWriter: ~Copyable, Sendable {
    private var output: GrowingBytes
    /// Also escapes what is a line's end to some (U+0085, U+2028, U+2029), for messages that are a line each: clients split them by what
    /// their language takes for one.
    public var escapesLineEnds = false
    /// The columns written last, and how: results of one statement, run again and again, have the same.
    var latestColumns: (columns: [SQLResult.Column], json: [UInt8])?

    public init(reservingCapacity capacity: Int = 0) {
        output = GrowingBytes(reserving: capacity)
    }

    /// Everything written so far.
    public var bytes: [UInt8] { output.array }

    /// Bytes written so far.
    public var count: Int { output.count }

    /// What was written after the first `count` bytes.
    func bytes(from count: Int) -> [UInt8] { output.array(from: count) }

    /// Forgets everything after the first `count` bytes.
    public mutating func truncate(to count: Int) {
        output.truncate(to: count)
    }

    /// Empties the writer and keeps its memory, for a stream of messages written one at a time.
    public mutating func removeAll() {
        output.removeAll()
    }

    /// Writes a piece of JSON as it is.
    @inline(__always)
    public mutating func literal(_ text: StaticString) {
        output.append(text.utf8Start, text.utf8CodeUnitCount)
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
        output.append(UInt8(ascii: "\""))
        var start = 0
        while start < utf8.count {
            let end = StringBytes.firstSpecial(in: utf8, from: start, to: utf8.count).index
            plain(UnsafeRawBufferPointer(rebasing: utf8[start..<end]))
            guard end < utf8.count else { break }
            escape(utf8[end])
            start = end + 1
        }
        output.append(UInt8(ascii: "\""))
    }

    private mutating func plain(_ utf8: UnsafeRawBufferPointer) {
        guard escapesLineEnds else { return output.append(utf8) }
        var start = 0
        for index in utf8.indices where utf8[index] == 0xC2 || utf8[index] == 0xE2 {
            let escape: StaticString
            // Valid UTF-8: nothing ends in the middle of a character.
            switch (utf8[index], utf8[index + 1]) {
            case (0xC2, 0x85): escape = "\\u0085"
            case (0xE2, 0x80) where utf8[index + 2] == 0xA8: escape = "\\u2028"
            case (0xE2, 0x80) where utf8[index + 2] == 0xA9: escape = "\\u2029"
            default: continue
            }
            output.append(UnsafeRawBufferPointer(rebasing: utf8[start..<index]))
            literal(escape)
            start = index + (utf8[index] == 0xC2 ? 2 : 3)
        }
        output.append(UnsafeRawBufferPointer(rebasing: utf8[start...]))
    }

    /// Writes a piece of JSON as it is.
    mutating func json(_ piece: [UInt8]) { piece.withUnsafeBytes { output.append($0) } }

    public mutating func integer(_ value: some BinaryInteger & FixedWidthInteger) {
        output.append(atMost: Self.longestInteger) { place in
            var magnitude = value.magnitude
            var length = value < 0 ? 1 : 0
            var rest = magnitude
            repeat {
                length += 1
                rest /= 10
            } while rest != 0
            var index = length
            repeat {
                let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: 10)
                index -= 1
                place[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: remainder)
                magnitude = quotient
            } while magnitude != 0
            if value < 0 { place[0] = UInt8(ascii: "-") }
            return length
        }
    }

    /// Writes a point and three digits behind it.
    mutating func decimals(_ first: Int, _ second: Int, _ third: Int) {
        output.append(atMost: 4) { place in
            let zero = UInt8(ascii: "0")
            place[0] = UInt8(ascii: ".")
            (place[1], place[2], place[3]) = (zero + UInt8(first), zero + UInt8(second), zero + UInt8(third))
            return 4
        }
    }

    /// Of 128 bits.
    private static let longestInteger = 40

    /// Writes the shortest number that reads back as the same `Double`; infinity as `1e999`, as libSQL does: a number that is too
    /// large for most readers, and no value is told as another one.
    ///
    /// - Precondition: `value` is a number. JSON has no form for NaN and `null` would be another value, so the caller
    ///   decides what NaN means; SQLite itself turns it into NULL.
    public mutating func double(_ value: Double) {
        invariant(!value.isNaN, "JSON has no NaN")
        guard value.isFinite else { return value < 0 ? literal("-1e999") : literal("1e999") }
        var digits = value.description
        digits.withUTF8 { output.append(UnsafeRawBufferPointer($0)) }
    }

    /// Writes a string of standard Base64 without padding.
    public mutating func base64(_ blob: UnsafeRawBufferPointer) {
        output.append(UInt8(ascii: "\""))
        Base64.standard.encode(blob, appendingTo: &output)
        output.append(UInt8(ascii: "\""))
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
                output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }
}
