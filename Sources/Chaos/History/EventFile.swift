import Foundation
import Synchronization

/// A file of events, one JSON object a line, written while they happen so that a crash of the harness loses none.
public final class EventFile<Event: Codable & Sendable>: Sendable {
    private let handle: FileHandle
    private let buffer = Mutex(Data())
    /// Lines are handed to the system in pieces of about this size.
    private let pieceBytes: Int

    /// Makes the file, or empties it.
    ///
    /// - Throws: what the file system answers.
    public init(_ path: String, pieceBytes: Int = 1 << 16) throws {
        try Data().write(to: URL(fileURLWithPath: path))
        handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        self.pieceBytes = pieceBytes
    }

    public func append(_ event: Event) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        let line = try encoder.encode(event)
        try buffer.withLock { buffer in
            buffer.append(line)
            buffer.append(UInt8(ascii: "\n"))
            guard buffer.count >= pieceBytes else { return }
            try handle.write(contentsOf: buffer)
            buffer.removeAll(keepingCapacity: true)
        }
    }

    /// Hands everything to the system.
    public func flush() throws {
        try buffer.withLock { buffer in
            try handle.write(contentsOf: buffer)
            buffer.removeAll(keepingCapacity: true)
        }
    }

    /// Reads a file back.
    ///
    /// - Throws: what the file system answers, and `DecodingError` for a line that is no event.
    public static func events(of path: String) throws -> [Event] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let decoder = JSONDecoder()
        return try data.split(separator: UInt8(ascii: "\n")).map { try decoder.decode(Event.self, from: $0) }
    }
}
