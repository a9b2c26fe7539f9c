import CZstd

/// Decompresses one frame piece by piece, in the memory of a piece.
struct ZstdFrameReader: ~Copyable {
    private let context: OpaquePointer
    private let contentLength: Int
    private var produced = 0
    private var isComplete = false
    private var output: [UInt8]

    /// - Parameter contentLength: exactly what comes out, in bytes.
    /// - Throws: `ZstdError.failed`, when memory is exhausted.
    init(contentLength: Int) throws(ZstdError) {
        guard let context = ZSTD_createDCtx() else { throw .failed("no memory for a frame") }
        self.context = context
        self.contentLength = contentLength
        output = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Takes the next bytes of the frame, and hands over what they become.
    ///
    /// - Throws: `ZstdError`, as soon as it becomes more than was announced, or bytes come behind the frame; and what `body` does.
    mutating func append<Failure>(
        _ piece: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(ZstdReadFailure<Failure>) {
        var read = 0
        while true {
            if isComplete {
                guard read == piece.count else { throw .zstd(.notOneFrame(length: piece.count)) }
                return
            }
            let (hint, from, count) = piece.withUnsafeBytes { input in
                output.withUnsafeMutableBytes { buffer in
                    var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: read)
                    var to = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
                    let hint = ZSTD_decompressStream(context, &to, &from)
                    return (hint, from.pos, to.pos)
                }
            }
            if ZSTD_isError(hint) != 0 { throw .zstd(Zstd.failure(hint)) }
            read = from
            produced += count
            guard produced <= contentLength else {
                throw .zstd(.rawLengthMismatch(expected: contentLength, found: UInt64(produced)))
            }
            isComplete = hint == 0
            do throws(Failure) {
                try output.withUnsafeBufferPointer { bytes throws(Failure) in
                    try body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[..<count])))
                }
            } catch { throw .body(error) }
            // With room left in the output there is nothing more to be had from these bytes.
            if !isComplete, read == piece.count, count < output.count { return }
        }
    }

    /// - Throws: `ZstdError` when the frame has not ended, or has become less than was announced.
    func finish() throws(ZstdError) {
        guard isComplete else { throw .notOneFrame(length: produced) }
        guard produced == contentLength else { throw .rawLengthMismatch(expected: contentLength, found: UInt64(produced)) }
    }
}

enum ZstdReadFailure<Failure: Error>: Error {
    case zstd(ZstdError)
    case body(Failure)
}
