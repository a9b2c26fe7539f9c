import CZstd

/// One-shot zstd (RFC 8878) compression of whole buffers.
public enum Zstd {
    public static let defaultLevel: Int32 = 3

    /// Three times as fast.
    static let fastLevel: Int32 = -1

    /// The level worth its time for `bytes`: ``defaultLevel``, and ``fastLevel`` for much that hardly gets smaller, such as texts
    /// and numbers without order. There the higher level takes three times the time and gains little (measured on pages of a
    /// SQLite table of such texts: 77 MB/s to 72 %, against 237 MB/s to 76 %).
    ///
    /// Looks at a part in the middle, and at nothing when `bytes` are few.
    ///
    /// - Throws: as ``compress(_:level:)``.
    static func worthwhileLevel(for bytes: [UInt8]) throws(ZstdError) -> Int32 {
        guard bytes.count >= worthLookingAt else { return defaultLevel }
        let start = (bytes.count - sampleLength) / 2
        let sample = try compress(Array(bytes[start..<(start + sampleLength)]), level: fastLevel)
        return sample.count > sampleLength / 2 ? fastLevel : defaultLevel
    }

    private static let worthLookingAt = 256 << 10
    private static let sampleLength = 32 << 10

    /// The most that so many compressed bytes can become: a block of 128 KiB takes at least four of them.
    ///
    /// Source: `Block_Maximum_Size` and the block header, RFC 8878, 3.1.1.2.
    public static func maximumRawLength(ofCompressed count: Int) -> Int {
        let (length, overflow) = (count / smallestBlock + 1).multipliedReportingOverflow(by: largestBlockContent)
        return overflow ? .max : length
    }

    private static let smallestBlock = 4
    private static let largestBlockContent = 128 << 10

    /// One frame that records the length of its content.
    ///
    /// - Parameter level: as zstd counts them, from fast (negative) to small (22); beyond that it clamps.
    /// - Throws: `ZstdError.failed`, when memory is exhausted.
    public static func compress(_ bytes: [UInt8], level: Int32 = defaultLevel) throws(ZstdError) -> [UInt8] {
        let capacity = ZSTD_compressBound(bytes.count)
        if ZSTD_isError(capacity) != 0 { throw failure(capacity) }
        var result = 0
        let compressed = [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
            result = bytes.withUnsafeBytes { input in
                ZSTD_compress(output.baseAddress, capacity, input.baseAddress, input.count, level)
            }
            count = ZSTD_isError(result) == 0 ? result : 0
        }
        if ZSTD_isError(result) != 0 { throw failure(result) }
        return compressed
    }

    /// The content of one frame, which must be all of `bytes`.
    ///
    /// - Parameter rawLength: exactly what comes out, in bytes. No more is allocated, and only when so many bytes can become
    ///   that much at all.
    /// - Throws: `ZstdError`.
    public static func decompress(_ bytes: ArraySlice<UInt8>, rawLength: Int) throws(ZstdError) -> [UInt8] {
        let maximum = maximumRawLength(ofCompressed: bytes.count)
        guard rawLength >= 0, rawLength <= maximum else {
            throw .rawLengthExceedsMaximum(rawLength: rawLength, maximum: maximum)
        }
        let (frameLength, contentLength) = bytes.withUnsafeBytes { input in
            (
                ZSTD_findFrameCompressedSize(input.baseAddress, input.count),
                ZSTD_getFrameContentSize(input.baseAddress, input.count)
            )
        }
        guard !bytes.isEmpty, frameLength == bytes.count else { throw .notOneFrame(length: bytes.count) }
        if contentLength != contentLengthUnknown, contentLength != UInt64(rawLength) {
            throw .rawLengthMismatch(expected: rawLength, found: contentLength)
        }
        var result = 0
        let raw = [UInt8](unsafeUninitializedCapacity: rawLength) { output, count in
            result = bytes.withUnsafeBytes { input in
                ZSTD_decompress(output.baseAddress, rawLength, input.baseAddress, input.count)
            }
            count = ZSTD_isError(result) == 0 ? result : 0
        }
        if ZSTD_isError(result) != 0 { throw failure(result) }
        guard raw.count == rawLength else { throw .rawLengthMismatch(expected: rawLength, found: UInt64(raw.count)) }
        return raw
    }

    /// `ZSTD_CONTENTSIZE_UNKNOWN`, which is a macro that Swift does not import.
    private static let contentLengthUnknown = UInt64.max

    static func failure(_ code: Int) -> ZstdError {
        .failed(ZSTD_getErrorName(code).map { String(cString: $0) } ?? "error \(code)")
    }
}
