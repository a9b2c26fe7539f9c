import Foundation

/// A database, as a client without a library speaks to it.
public protocol DatabaseClient: Sendable {
    /// - Returns: the body of an answer with status 200, to its end.
    func send(_ call: ClientCall) async throws(CallFailure) -> [UInt8]
}

/// What goes to a database: a `POST`.
public struct ClientCall: Sendable, Hashable {
    /// Within the database, with the query.
    public var path: String
    public var body: String

    public init(path: String, body: String) {
        self.path = path
        self.body = body
    }
}

/// Why a request got no result.
public enum CallFailure: Error, Sendable, CustomStringConvertible {
    /// Somebody answered with an error of this code.
    case refused(code: String, message: String)
    /// Nothing was sent.
    case notConnected
    /// Whatever was sent may have been executed.
    case lost(String)

    public var description: String {
        switch self {
        case .refused(let code, let message): "\(code): \(message)"
        case .notConnected: "not connected"
        case .lost(let why): "no answer: \(why)"
        }
    }

    /// An answer with another status than 200.
    public init(status: Int, body: [UInt8]) {
        let reply = try? JSONDecoder().decode(ErrorReply.self, from: Data(body))
        self = reply?.code.map { .refused(code: $0, message: reply?.message ?? "") } ?? .lost("status \(status)")
    }

    fileprivate init(_ failure: PipelineReply.Failure) {
        self = .refused(code: failure.code ?? "-", message: failure.message)
    }
}

extension DatabaseClient {
    /// - Parameter baton: of the stream to go on with; `nil` begins one.
    public func pipeline(_ requests: [HranaRequest], baton: String? = nil) async throws(CallFailure) -> PipelineReply {
        try Self.decode(await send(ClientCall(path: "/v2/pipeline", body: HranaRequest.pipeline(requests, baton: baton))))
    }

    /// Executes one statement outside a transaction.
    @discardableResult
    public func execute(
        _ sql: String, _ arguments: [HranaRequest.Argument] = []
    ) async throws(CallFailure) -> PipelineReply.Result {
        try Self.result(0, of: await pipeline([.execute(sql, arguments), .close]))
    }

    /// The result of a request of a pipeline.
    public static func result(_ index: Int, of reply: PipelineReply) throws(CallFailure) -> PipelineReply.Result {
        do { return try reply.result(index) } catch { throw CallFailure(error) }
    }

    /// The rows of one statement, through a cursor.
    public func rows(_ sql: String) async throws(CallFailure) -> [[PipelineReply.Value]] {
        let lines = try await send(ClientCall(path: "/v3/cursor", body: HranaRequest.cursor(sql))).split(separator: UInt8(ascii: "\n"))
        var rows: [[PipelineReply.Value]] = []
        var isWhole = false
        // The first tells the baton.
        for line in lines.dropFirst() {
            let entry: CursorEntry = try Self.decode(Array(line))
            if let error = entry.error { throw CallFailure(error) }
            if let row = entry.row { rows.append(row) }
            if entry.type == "step_end" { isWhole = true }
        }
        guard isWhole else { throw .lost("an answer without an end") }
        return rows
    }

    /// Loads rows into a table.
    ///
    /// - Parameter csv: with the names of the columns.
    /// - Returns: how many there were.
    public func load(_ csv: String, into table: String) async throws(CallFailure) -> Int {
        let reply: LoadReply = try Self.decode(await send(ClientCall(path: "/v1/load?table=\(table)", body: csv)))
        return reply.rows
    }

    private static func decode<Reply: Decodable>(_ body: [UInt8]) throws(CallFailure) -> Reply {
        do { return try JSONDecoder().decode(Reply.self, from: Data(body)) } catch {
            throw .lost("an answer that cannot be read: \(error)")
        }
    }
}
