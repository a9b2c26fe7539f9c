/// What went wrong compressing or decompressing.
public enum ZstdError: Error, Sendable, Hashable {
    /// The announced length is more than so many compressed bytes can become; nothing was allocated.
    case rawLengthExceedsMaximum(rawLength: Int, maximum: Int)
    /// The bytes are not exactly one zstd frame: cut off, followed by others, or something else.
    case notOneFrame(length: Int)
    case rawLengthMismatch(expected: Int, found: UInt64)
    /// zstd's own words.
    case failed(String)
}

extension ZstdError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .rawLengthExceedsMaximum(let length, let maximum):
            "decompressed it would have \(length) bytes; at most \(maximum) are possible"
        case .notOneFrame(let length): "the \(length) bytes are not exactly one zstd frame"
        case .rawLengthMismatch(let expected, let found):
            "decompressed it has \(found) bytes; \(expected) were announced"
        case .failed(let reason): "zstd: \(reason)"
        }
    }
}
