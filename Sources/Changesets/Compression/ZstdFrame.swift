import CZstd

/// Compresses one frame piece by piece, in the memory of a piece. It records the length of its content, as those of ``Zstd`` do.
public struct ZstdFrame: ~Copyable {
    private let context: OpaquePointer
    private var left: Int

    /// - Parameters:
    ///   - contentLength: of all pieces together, in bytes.
    ///   - level: as ``Zstd/compress(_:level:)`` has it.
    /// - Throws: `ZstdError.failed`, when memory is exhausted.
    public init(contentLength: Int, level: Int32 = Zstd.defaultLevel) throws(ZstdError) {
        guard let context = ZSTD_createCCtx() else { throw .failed("no memory for a frame") }
        var code = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        if ZSTD_isError(code) == 0 { code = ZSTD_CCtx_setPledgedSrcSize(context, UInt64(contentLength)) }
        guard ZSTD_isError(code) == 0 else {
            ZSTD_freeCCtx(context)
            throw Zstd.failure(code)
        }
        self.context = context
        left = contentLength
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Adds a piece of the content.
    ///
    /// - Returns: what of the frame is complete by now; with the last piece the frame is.
    /// - Throws: `ZstdError.failed`.
    public mutating func append(_ piece: [UInt8]) throws(ZstdError) -> [UInt8] {
        left -= piece.count
        let end = left == 0 ? ZSTD_e_end : ZSTD_e_continue
        var output = [UInt8](repeating: 0, count: ZSTD_CStreamOutSize())
        var result: [UInt8] = []
        var read = 0
        while true {
            var written = 0
            let rest = piece.withUnsafeBytes { input in
                output.withUnsafeMutableBytes { buffer in
                    var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: read)
                    var to = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
                    let rest = ZSTD_compressStream2(context, &to, &from, end)
                    (read, written) = (from.pos, to.pos)
                    return rest
                }
            }
            if ZSTD_isError(rest) != 0 { throw Zstd.failure(rest) }
            result += output[..<written]
            if read == piece.count, end == ZSTD_e_end ? rest == 0 : written < output.count { return result }
        }
    }
}
