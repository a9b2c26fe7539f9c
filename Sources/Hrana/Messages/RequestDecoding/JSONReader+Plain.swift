import FleetModel
import Foundation

/// What most of a request consists of, read in one step when it is written as compact JSON in the order in which client libraries
/// write it. Whatever comes in another way is read by the general functions, with the same result, and nothing but a single
/// value is ever read twice.
extension JSONReader {
    /// Begins a request to execute a statement, up to the statement; `false`, and nothing is read, for any other.
    mutating func beginPlainExecute() -> Bool {
        guard mayNest(), let place = end(of: #"{"type":"execute","stmt":"#, at: offset) else { return false }
        enterObject(at: place)
        return true
    }

    /// Begins a step whose condition is that another one succeeded, up to the statement, and answers that step's number; `nil`, and
    /// nothing is read, for any other.
    mutating func beginPlainStep() -> UInt32? {
        guard mayNest(2), let condition = end(of: #"{"condition":"#, at: offset) else { return nil }
        let start = offset
        offset = condition
        guard let step = readPlainSuccessCondition(), let place = end(of: #","stmt":"#, at: offset) else {
            offset = start
            return nil
        }
        enterObject(at: place)
        return step
    }

    /// Begins a statement with the SQL of the one before, up to what follows that, and answers it; `nil`, and nothing is read, for any
    /// other.
    mutating func beginPlainStatement() -> String? {
        guard mayNest(), let text = end(of: #"{"sql":""#, at: offset), let (sql, quote) = repeatedSQL(at: text) else { return nil }
        enterObject(at: quote + 1)
        return sql
    }

    /// Reads a value; `nil`, and nothing is read, for one that has to be looked at closer.
    mutating func readPlainValue() throws(JSONError) -> SQLValue? {
        guard mayNest(), let type = end(of: #"{"type":""#, at: offset) else { return nil }
        if let digits = end(of: #"integer","value":""#, at: type) {
            guard let (value, end) = plainInteger(at: digits), let end = self.end(of: #""}"#, at: end) else { return nil }
            offset = end
            return .integer(value)
        }
        if let string = end(of: #"text","value":"#, at: type) {
            return try readPlain(at: string, as: .string) { (reader: inout JSONReader) throws(JSONError) in
                .text(try reader.readString())
            }
        }
        if let end = end(of: #"null"}"#, at: type) {
            offset = end
            return .null
        }
        if let number = end(of: #"float","value":"#, at: type) {
            return try readPlain(at: number, as: .number) { (reader: inout JSONReader) throws(JSONError) in
                .real(try reader.readDouble())
            }
        }
        return nil
    }

    /// Reads the condition that another step succeeded, and answers that step's number; `nil`, and nothing is read, for any other.
    mutating func readPlainSuccessCondition() -> UInt32? {
        guard mayNest(), let digits = end(of: #"{"type":"ok","step":"#, at: offset), let (value, end) = plainInteger(at: digits),
            let step = UInt32(exactly: value), let end = self.end(of: "}", at: end), bytes[digits] != UInt8(ascii: "-")
        else { return nil }
        offset = end
        return step
    }

    /// Reads the last member of an object, whose content is at `place`.
    private mutating func readPlain(
        at place: Int, as kind: JSONKind, _ read: (inout JSONReader) throws(JSONError) -> SQLValue
    ) throws(JSONError) -> SQLValue? {
        let start = offset
        offset = place
        if try peekKind() == kind {
            let value = try read(&self)
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "}") {
                offset += 1
                return value
            }
        }
        offset = start
        return nil
    }

    /// An integer as JSON has them, of so few digits that it is not beyond 64 bits, and where it ends.
    private func plainInteger(at start: Int) -> (value: Int64, end: Int)? {
        bytes.withUnsafeBufferPointer { bytes in
            let isNegative = start < bytes.count && bytes[start] == UInt8(ascii: "-")
            let first = isNegative ? start + 1 : start
            var index = first
            var value: Int64 = 0
            while index < bytes.count, case let digit = bytes[index] &- UInt8(ascii: "0"), digit < 10 {
                guard index - first < 18 else { return nil }
                value = value &* 10 &+ Int64(digit)
                index += 1
            }
            guard index > first, bytes[first] != UInt8(ascii: "0") || index == first + 1 else { return nil }
            return (isNegative ? -value : value, index)
        }
    }

    /// Where `text` ends if it stands at `start`.
    @inline(__always)
    private func end(of text: StaticString, at start: Int) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            let count = text.utf8CodeUnitCount
            guard let base = bytes.baseAddress, bytes.count - start >= count, memcmp(base + start, text.utf8Start, count) == 0 else { return nil }
            return start + count
        }
    }
}
