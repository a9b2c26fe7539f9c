public import FleetModel

/// The bodies of responses that are sent in one piece.
public enum ResponseBody {
    /// The body of `POST /v1/execute`.
    ///
    /// - Throws: `SQLError` with code `RESPONSE_TOO_LARGE`.
    public static func execute(_ result: SQLResult, limit: ResponseLimit = .default) throws(SQLError) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: initialCapacity)
        writer.literal(#"{"result":"#)
        try writer.statementResult(result, limit: limit)
        writer.literal("}")
        return writer.bytes
    }

    /// The body of `POST /v1/batch`.
    ///
    /// - Throws: `SQLError` with code `RESPONSE_TOO_LARGE`.
    public static func batch(_ result: BatchResult, limit: ResponseLimit = .default) throws(SQLError) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: initialCapacity)
        writer.literal(#"{"result":"#)
        try writer.batchResult(result, limit: limit)
        writer.literal("}")
        return writer.bytes
    }

    /// The body of `POST /v2/pipeline` and `POST /v3/pipeline`.
    ///
    /// A result that goes beyond the limit is answered with the error `RESPONSE_TOO_LARGE` in its place; the later
    /// ones have what it would have taken.
    public static func pipeline(_ response: PipelineResponse, limit: ResponseLimit = .default) -> [UInt8] {
        // An answer is often as long as this; a request of very many statements must not take memory that is not needed.
        var writer = JSONWriter(reservingCapacity: min(initialCapacity * max(1, response.results.count), mostReserved))
        writer.literal(#"{"baton":"#)
        writer.string(response.baton)
        writer.literal(#","base_url":"#)
        writer.string(response.baseURL)
        writer.literal(#","results":["#)
        for index in response.results.indices {
            if index > 0 { writer.literal(",") }
            writer.streamResult(response.results[index], limit: limit)
        }
        writer.literal("]}")
        return writer.bytes
    }

    /// The body of a response with an error status, for clients of both shapes: `message` and `code`, and `error`.
    public static func error(code: String, message: String) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: initialCapacity)
        writer.literal(#"{"message":"#)
        writer.string(message)
        writer.codes(of: code)
        writer.literal(#","error":"#)
        writer.string(message)
        writer.literal("}")
        return writer.bytes
    }

    public static func error(_ error: SQLError) -> [UInt8] {
        self.error(code: error.code, message: error.message)
    }

    public static func error(_ error: BerthError) -> [UInt8] {
        self.error(code: error.code.rawValue, message: error.message)
    }

    private static let initialCapacity = 512
    private static let mostReserved = 256 << 10
}

extension JSONWriter {
    /// Writes one entry of `results`; an answer beyond the limit becomes the error `RESPONSE_TOO_LARGE`.
    public mutating func streamResult(_ result: Result<StreamResponse, SQLError>, limit: ResponseLimit) {
        let start = count
        do throws(SQLError) {
            literal(#"{"type":"ok","response":"#)
            try streamResponse(try result.get(), limit)
            literal("}")
        } catch {
            truncate(to: start)
            literal(#"{"type":"error","error":"#)
            self.error(error)
            literal("}")
        }
    }

    private mutating func streamResponse(_ response: StreamResponse, _ limit: ResponseLimit) throws(SQLError) {
        switch response {
        case .execute(let result):
            literal(#"{"type":"execute","result":"#)
            try statementResult(result, limit: limit)
        case .batch(let result):
            literal(#"{"type":"batch","result":"#)
            try batchResult(result, limit: limit)
        case .sequence: literal(#"{"type":"sequence""#)
        case .describe(let description):
            literal(#"{"type":"describe","result":"#)
            describeResult(description)
        case .storeSQL: literal(#"{"type":"store_sql""#)
        case .closeSQL: literal(#"{"type":"close_sql""#)
        case .getAutocommit(let isAutocommit):
            literal(#"{"type":"get_autocommit","is_autocommit":"#)
            bool(isAutocommit)
        case .close: literal(#"{"type":"close""#)
        }
        literal("}")
    }
}
