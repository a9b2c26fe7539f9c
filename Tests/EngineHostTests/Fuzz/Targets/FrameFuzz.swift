import BerthTestKit
import Engines
import FleetModel
import Foundation

@testable import EngineHost

/// The frames of both directions: whatever the bytes, they are frames or refused, and what was read means the same when it is written again.
enum FrameFuzz {
    static let targets = [
        FuzzTarget("host-requests", seeds: FrameSamples.requests.map(FrameSamples.bytes), words: words) { bytes in
            try check(bytes, { kind, reader throws(FrameError) in try HostRequest(kind, &reader) }) { $0.write($1, to: &$2) }
        },
        FuzzTarget("host-messages", seeds: FrameSamples.messages.map(FrameSamples.bytes), words: words) { bytes in
            try check(bytes, { kind, reader throws(FrameError) in try HostMessage(kind, &reader) }) { $0.write($1, to: &$2) }
        },
    ]

    private static let words = ["outcome_unknown", "sqlite", "duckdb", "\u{1}\0\0\0", "\0\0\u{10}\0"]

    private static func check<Frame>(
        _ bytes: [UInt8], _ read: (UInt8, inout FrameReader) throws(FrameError) -> Frame,
        _ write: (Frame, UInt64, inout FrameWriter) -> Void
    ) throws -> FuzzTarget.Verdict {
        let written: [UInt8]
        do throws(FrameError) { written = try again(bytes, read, write) } catch { return .refused }
        let twice: [UInt8]
        do throws(FrameError) { twice = try again(written, read, write) } catch { throw FuzzTarget.Violation("what was read, written again, is refused: \(error)") }
        // The members of the JSON in some frames have no order of their own.
        try hold(twice.count == written.count, "what was read, written again, is something else")
        return .accepted
    }

    private static func again<Frame>(
        _ bytes: [UInt8], _ read: (UInt8, inout FrameReader) throws(FrameError) -> Frame,
        _ write: (Frame, UInt64, inout FrameWriter) -> Void
    ) throws(FrameError) -> [UInt8] {
        var writer = FrameWriter()
        var splitter = FrameSplitter()
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = splitter.fill { memory in
                let count = min(memory.count, rest.count)
                memory.copyBytes(from: rest.prefix(count))
                return count
            }
            rest = rest.dropFirst(count)
            try splitter.forEach { kind, number, reader throws(FrameError) in write(try read(kind, &reader), number, &writer) }
        }
        return writer.bytes
    }
}
