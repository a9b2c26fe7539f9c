import FleetModel

/// How long a response may become.
///
/// Checked before every value, so that memory stays within it; the punctuation around the values, and the escapes of
/// the one string that goes beyond it, are not counted in advance.
public struct ResponseLimit: Sendable, Hashable {
    /// The limit of libSQL's server.
    public static let `default` = ResponseLimit(maximumBytes: 10 << 20)

    /// Bytes of JSON.
    public var maximumBytes: Int

    public init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// - Throws: `SQLError` with code `RESPONSE_TOO_LARGE`.
    @inline(__always)
    func admit(_ count: Int = 0, in writer: borrowing JSONWriter) throws(SQLError) {
        if writer.count > maximumBytes - count { throw tooLarge }
    }

    private var tooLarge: SQLError {
        SQLError(
            code: HranaErrorCode.responseTooLarge,
            message: "The statement was run, but its result is longer than \(maximumBytes) bytes. "
                + "Ask for fewer rows or columns, or use LIMIT.")
    }
}
