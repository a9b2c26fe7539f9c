extension JSONReader {
    /// Reads an integer exactly: digits only, never by way of a floating-point number.
    ///
    /// - Throws: ``JSONError`` with `notAnInteger` for a fraction, an exponent or a number out of range.
    public mutating func readInteger<Integer: FixedWidthInteger>(
        _ type: Integer.Type = Int64.self
    ) throws(JSONError) -> Integer {
        let lexeme = try readNumberLexeme()
        let text = bytes[lexeme.range]
        guard lexeme.isInteger, let value = DecimalInteger.parse(text, as: type) else {
            throw JSONError(.notAnInteger, at: lexeme.range.lowerBound)
        }
        return value
    }

    /// Reads a number as the nearest `Double`.
    ///
    /// One that is too large for a `Double`, such as `1e999`, is infinite: that is how libSQL writes infinity.
    public mutating func readDouble() throws(JSONError) -> Double {
        let lexeme = try readNumberLexeme()
        guard let value = Double(String(decoding: bytes[lexeme.range], as: UTF8.self)) else {
            throw JSONError(.invalidNumber, at: lexeme.range.lowerBound)
        }
        return value
    }

    struct NumberLexeme {
        var range: Range<Int>
        /// Has neither a fraction nor an exponent.
        var isInteger: Bool
    }

    mutating func readNumberLexeme() throws(JSONError) -> NumberLexeme {
        try expect(.number)
        let start = offset
        var isInteger = true
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "0") { offset += 1 } else { try readDigits() }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            try readDigits()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") { offset += 1 }
            try readDigits()
        }
        return NumberLexeme(range: start..<offset, isInteger: isInteger)
    }

    /// One digit or more.
    private mutating func readDigits() throws(JSONError) {
        let start = offset
        while offset < bytes.count, bytes[offset] &- UInt8(ascii: "0") < 10 { offset += 1 }
        guard offset > start else {
            throw offset < bytes.count ? error(.invalidNumber) : error(.unexpectedEnd)
        }
    }
}

/// Decimal integers without a detour over `String` or `Double`.
enum DecimalInteger {
    /// Parses an optional `-` and one or more digits; `nil` for anything else or out of the range of `Integer`.
    static func parse<Integer: FixedWidthInteger>(_ text: some Sequence<UInt8>, as type: Integer.Type) -> Integer? {
        var value: Integer = 0
        var isNegative = false
        var digits = 0
        var isFirst = true
        for byte in text {
            if isFirst, byte == UInt8(ascii: "-") {
                isNegative = true
                isFirst = false
                continue
            }
            isFirst = false
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            // Going down from zero reaches the most negative value, which has no positive counterpart.
            let (sum, passed) =
                isNegative
                ? product.subtractingReportingOverflow(Integer(digit)) : product.addingReportingOverflow(Integer(digit))
            if overflowed || passed { return nil }
            value = sum
            digits += 1
        }
        return digits > 0 ? value : nil
    }
}
