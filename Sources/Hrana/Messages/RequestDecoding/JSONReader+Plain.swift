import FleetModel
import Foundation

/// What most of a request consists of, read in one step when it is written as client libraries write it: without spaces, and the
/// type first. Whatever is written in another way is read by the general functions, with the same result.
extension JSONReader {
    /// Reads a request to execute the statement before once more, with other arguments; `nil`, and nothing is read, for any other.
    mutating func readPlainExecute() throws(JSONError) -> HranaStatement? {
        guard mayNest(), let place = end(of: #"{"type":"execute","stmt":"#, at: offset) else { return nil }
        let start = offset
        offset = place
        if let statement = try readPlainStatement(levels: 1), let end = end(of: "}", at: offset) {
            offset = end
            return statement
        }
        offset = start
        return nil
    }

    /// Reads a step with the statement of the one before, if an earlier step succeeded; `nil`, and nothing is read, for any other.
    mutating func readPlainStep() throws(JSONError) -> Batch.Step? {
        guard mayNest(2), let place = end(of: #"{"condition":"#, at: offset) else { return nil }
        let start = offset
        offset = place
        if let step = readPlainSuccessCondition(), let place = end(of: #","stmt":"#, at: offset) {
            offset = place
            if let statement = try readPlainStatement(levels: 1), let end = end(of: "}", at: offset) {
                offset = end
                return Batch.Step(statement, condition: .succeeded(step: Int(step)))
            }
        }
        offset = start
        return nil
    }

    /// Reads the statement before once more, with other arguments; `nil`, and nothing is read, for any other.
    ///
    /// - Parameter levels: objects around it that were begun without being counted.
    mutating func readPlainStatement(levels: Int = 0) throws(JSONError) -> HranaStatement? {
        guard mayNest(levels + 3), let text = end(of: #"{"sql":""#, at: offset), let (sql, quote) = repeatedSQL(at: text),
            let list = end(of: #"","args":["#, at: quote)
        else { return nil }
        let start = offset
        offset = list
        var values: [SQLValue] = []
        values.reserveCapacity(4)
        while let value = try readPlainValue() {
            values.append(value)
            if let next = end(of: ",", at: offset) {
                offset = next
            } else if let end = end(of: "]}", at: offset) {
                offset = end
                return HranaStatement(.inline(sql), arguments: .positional(values))
            } else {
                break
            }
        }
        offset = start
        return nil
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
