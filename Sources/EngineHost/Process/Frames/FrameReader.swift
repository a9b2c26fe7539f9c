import FleetModel
import Foundation

/// Reads the fields of one frame, in the memory it was received in.
package struct FrameReader {
    private let bytes: UnsafeRawBufferPointer
    private var next = 0

    /// - Parameter bytes: outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// - Throws: when there is more than was read.
    func finish() throws(FrameError) {
        guard next == bytes.count else { throw FrameError("\(bytes.count - next) bytes too many") }
    }

    private mutating func take(_ count: Int) throws(FrameError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - next else { throw FrameError("the frame ends inside a field") }
        defer { next += count }
        return UnsafeRawBufferPointer(rebasing: bytes[next..<next + count])
    }

    private mutating func integer<Value: FixedWidthInteger>(_: Value.Type) throws(FrameError) -> Value {
        Value(littleEndian: try take(MemoryLayout<Value>.size).loadUnaligned(as: Value.self))
    }

    mutating func uint8() throws(FrameError) -> UInt8 { try integer(UInt8.self) }
    mutating func uint32() throws(FrameError) -> UInt32 { try integer(UInt32.self) }
    mutating func uint64() throws(FrameError) -> UInt64 { try integer(UInt64.self) }
    mutating func int64() throws(FrameError) -> Int64 { try integer(Int64.self) }

    mutating func int(in range: ClosedRange<Int> = 0...Int.max) throws(FrameError) -> Int {
        let value = Int(try int64())
        guard range.contains(value) else { throw FrameError("\(value) is not in \(range)") }
        return value
    }

    mutating func flag() throws(FrameError) -> Bool {
        switch try uint8() {
        case 0: false
        case 1: true
        case let other: throw FrameError("a flag that is \(other)")
        }
    }

    mutating func array(atMost limit: Int = FrameLimits.inlineBytes) throws(FrameError) -> [UInt8] {
        let count = Int(try uint32())
        guard count <= limit else { throw FrameError("\(count) bytes where there may be \(limit)") }
        return Array(try take(count))
    }

    mutating func text() throws(FrameError) -> String {
        let count = Int(try uint32())
        guard count <= FrameLimits.textBytes else { throw FrameError("a text of \(count) bytes") }
        guard let text = String(validating: try take(count), as: UTF8.self) else { throw FrameError("a text that is not UTF-8") }
        return text
    }

    mutating func optional<Value>(_ read: (inout FrameReader) throws(FrameError) -> Value) throws(FrameError) -> Value? {
        try flag() ? try read(&self) : nil
    }

    mutating func optionalUInt64() throws(FrameError) -> UInt64? { try flag() ? try uint64() : nil }
    mutating func optionalText() throws(FrameError) -> String? { try flag() ? try text() : nil }

    mutating func identifier<Of>(_: Of.Type) throws(FrameError) -> Identifier<Of> {
        Identifier(UUID(uuid: try take(16).loadUnaligned(as: uuid_t.self)))
    }

    mutating func position() throws(FrameError) -> ChainPosition { ChainPosition(seq: try uint64(), checksum: try uint64()) }

    mutating func engine() throws(FrameError) -> EngineKind { try named(EngineKind.self) }

    /// A case of an enumeration, by its name.
    mutating func named<Value: RawRepresentable>(_: Value.Type) throws(FrameError) -> Value where Value.RawValue == String {
        let name = try text()
        guard let value = Value(rawValue: name) else { throw FrameError("nothing is called “\(name)” here") }
        return value
    }

    mutating func berthError() throws(FrameError) -> BerthError {
        let code = try named(BerthError.Code.self)
        let message = try text()
        return BerthError(code, message, retryAfter: try flag() ? try int() : nil)
    }

    mutating func sqlError() throws(FrameError) -> SQLError { SQLError(code: try text(), message: try text()) }

    mutating func bulk() throws(FrameError) -> (bytes: [UInt8], spooled: SpooledFile?) {
        guard try flag() else { return (try array(), nil) }
        return ([], SpooledFile(number: try uint64(), byteCount: try int(in: 0...FrameLimits.spoolBytes)))
    }
}
