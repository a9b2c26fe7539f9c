import FleetModel
import Foundation

/// Frames in the making, one after the other.
package struct FrameWriter: Sendable {
    private(set) var bytes: [UInt8] = []

    /// Appends a frame.
    mutating func frame(_ kind: UInt8, _ number: UInt64, _ fields: (inout FrameWriter) -> Void) {
        let start = bytes.count
        append(UInt32(0))
        append(kind)
        append(number)
        fields(&self)
        let length = bytes.count - start - 4
        invariant(length <= FrameLimits.frameBytes, "a frame is longer than any reader would take")
        for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
    }

    /// Takes everything out, leaving room for as much again.
    mutating func take() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        return taken
    }

    /// Gives back memory that ``take()`` took.
    mutating func reuse(_ memory: consuming [UInt8]) {
        guard bytes.isEmpty, memory.capacity > bytes.capacity, memory.capacity <= FrameLimits.frameBytes else { return }
        memory.removeAll(keepingCapacity: true)
        bytes = memory
    }

    // MARK: Fields

    mutating func append(_ value: UInt8) { bytes.append(value) }
    mutating func append(_ value: Bool) { bytes.append(value ? 1 : 0) }
    mutating func append(_ value: UInt32) { appendInteger(value) }
    mutating func append(_ value: UInt64) { appendInteger(value) }
    mutating func append(_ value: Int64) { appendInteger(UInt64(bitPattern: value)) }
    mutating func append(_ value: Int) { append(Int64(value)) }

    private mutating func appendInteger<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ value: [UInt8]) {
        append(UInt32(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
    }

    /// Cut off where it is longer than a text may be.
    mutating func append(_ text: String) {
        var text = text
        let isWritten: Void? = text.withUTF8 { utf8 in
            guard utf8.count <= FrameLimits.textBytes else { return nil }
            append(UInt32(truncatingIfNeeded: utf8.count))
            bytes.append(contentsOf: utf8)
        }
        guard isWritten == nil else { return }
        var end = text.utf8.index(text.startIndex, offsetBy: FrameLimits.textBytes)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        append(Array(text.utf8[..<end]))
    }

    mutating func append<Value>(_ value: Value?, _ write: (inout FrameWriter, Value) -> Void) {
        append(value != nil)
        if let value { write(&self, value) }
    }

    mutating func append(_ value: UInt64?) { append(value) { $0.append($1) } }
    mutating func append(_ value: String?) { append(value) { $0.append($1) } }

    mutating func append<Of>(_ value: Identifier<Of>) { withUnsafeBytes(of: value.uuid.uuid) { bytes.append(contentsOf: $0) } }
    mutating func append(_ value: ChainPosition) {
        append(value.seq)
        append(value.checksum)
    }

    mutating func append(_ error: BerthError) {
        append(error.code.rawValue)
        append(error.message)
        append(error.retryAfter) { $0.append($1) }
    }

    mutating func append(_ error: SQLError) {
        append(error.code)
        append(error.message)
    }

    /// - Parameter spooled: where the bytes are, when they are not here.
    mutating func appendBulk(_ value: [UInt8], _ spooled: SpooledFile?) {
        append(spooled != nil)
        if let spooled {
            append(spooled.number)
            append(spooled.byteCount)
        } else {
            append(value)
        }
    }
}
