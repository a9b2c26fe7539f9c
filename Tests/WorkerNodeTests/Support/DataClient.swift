import FleetModel
import Foundation
import Hrana
import Routing

/// Speaks the data protocols in their own JSON to whoever serves a database.
struct DataClient: Sendable {
    let database: DatabaseName
    var access = DataAccess.readWrite
    /// Of the token.
    var digest: [UInt8] = [1, 2, 3]
    let serve: @Sendable (DataCall) async throws(BerthError) -> DataReply

    init(
        database: DatabaseName, serve: @escaping @Sendable (DataCall) async throws(BerthError) -> DataReply
    ) {
        self.database = database
        self.serve = serve
    }

    var reading: DataClient { with { $0.access = .readOnly } }

    func with(_ change: (inout DataClient) -> Void) -> DataClient {
        var other = self
        change(&other)
        return other
    }

    func call(_ route: DataRoute, query: String? = nil, _ body: String) async throws(BerthError) -> DataReply {
        try await serve(
            DataCall(
                database: database, route: route, query: query, body: Array(body.utf8), access: access, tokenDigest: digest,
                requestID: "test"))
    }

    /// `POST /v1/execute`.
    @discardableResult
    func execute(_ sql: String) async throws -> StatementAnswer {
        let reply = try await call(.v1Execute, #"{"stmt":\#(Statement(sql).json)}"#)
        struct Body: Decodable { var result: StatementAnswer }
        return try decode(reply, as: Body.self).result
    }

    /// `POST /v1/batch`.
    func batch(_ steps: Step...) async throws -> BatchAnswer { try await batch(steps) }

    func batch(_ steps: [Step]) async throws -> BatchAnswer {
        let reply = try await call(.v1Batch, #"{"batch":\#(Step.batch(steps))}"#)
        struct Body: Decodable { var result: BatchAnswer }
        return try decode(reply, as: Body.self).result
    }

    /// `POST /v3/pipeline`.
    func pipeline(_ baton: String? = nil, _ requests: StreamCall...) async throws -> PipelineAnswer {
        let list = requests.map(\.json).joined(separator: ",")
        return try decode(
            try await call(.pipeline(.three), #"{"baton":\#(json(baton)),"requests":[\#(list)]}"#), as: PipelineAnswer.self)
    }

    /// `POST /v1/load`.
    ///
    /// - Returns: how many rows were loaded.
    func load(_ query: String, _ body: String) async throws -> Int {
        struct Body: Decodable { var rows_loaded: Int }
        return try decode(try await call(.load, query: query, body), as: Body.self).rows_loaded
    }

    /// `POST /v3/cursor`, read to its end.
    func cursor(_ baton: String? = nil, _ steps: Step...) async throws -> CursorAnswer {
        let answer = try await open(baton, steps)
        while try await answer.read() {}
        return CursorAnswer(baton: answer.baton, entries: answer.entries)
    }

    /// `POST /v3/cursor`, with nothing read yet but its first piece.
    func openCursor(_ baton: String? = nil, _ steps: Step...) async throws -> OpenCursor {
        try await open(baton, steps)
    }

    private func open(_ baton: String?, _ steps: [Step]) async throws -> OpenCursor {
        let reply = try await call(.cursor, #"{"baton":\#(json(baton)),"batch":\#(Step.batch(steps))}"#)
        guard reply.status == 200 else { throw try JSONDecoder().decode(ErrorAnswer.self, from: Data(reply.body)) }
        return try OpenCursor(reply)
    }

    private func decode<Body: Decodable>(_ reply: DataReply, as type: Body.Type) throws -> Body {
        guard reply.status == 200 else { throw try JSONDecoder().decode(ErrorAnswer.self, from: Data(reply.body)) }
        return try JSONDecoder().decode(Body.self, from: Data(reply.body))
    }
}

/// A text, or `null`, in JSON.
func json(_ text: String?) -> String {
    guard let text, let data = try? JSONEncoder().encode(text) else { return "null" }
    return String(decoding: data, as: UTF8.self)
}

struct Statement {
    var json: String
    init(_ sql: String) { json = #"{"sql":\#(WorkerNodeTests.json(sql))}"# }
}

/// One step of a batch.
struct Step {
    var json: String

    init(_ sql: String, if condition: String? = nil) {
        json = #"{"stmt":\#(Statement(sql).json),"condition":\#(condition ?? "null")}"#
    }

    static func batch(_ steps: [Step]) -> String { #"{"steps":[\#(steps.map(\.json).joined(separator: ","))]}"# }

    static func ok(_ step: Int) -> String { #"{"type":"ok","step":\#(step)}"# }
    static func failed(_ step: Int) -> String { #"{"type":"error","step":\#(step)}"# }
    static func not(_ condition: String) -> String { #"{"type":"not","cond":\#(condition)}"# }
    static let isAutocommit = #"{"type":"is_autocommit"}"#
}

/// One request of a pipeline.
struct StreamCall {
    var json: String
    init(json: String) { self.json = json }

    static func execute(_ sql: String) -> StreamCall { StreamCall(json: #"{"type":"execute","stmt":\#(Statement(sql).json)}"#) }
    static func executeStored(_ id: Int) -> StreamCall {
        StreamCall(json: #"{"type":"execute","stmt":{"sql_id":\#(id)}}"#)
    }
    static func batch(_ steps: Step...) -> StreamCall { StreamCall(json: #"{"type":"batch","batch":\#(Step.batch(steps))}"#) }
    static func sequence(_ sql: String) -> StreamCall { StreamCall(json: #"{"type":"sequence","sql":\#(WorkerNodeTests.json(sql))}"#) }
    static func describe(_ sql: String) -> StreamCall { StreamCall(json: #"{"type":"describe","sql":\#(WorkerNodeTests.json(sql))}"#) }
    static func store(_ id: Int, _ sql: String) -> StreamCall {
        StreamCall(json: #"{"type":"store_sql","sql_id":\#(id),"sql":\#(WorkerNodeTests.json(sql))}"#)
    }
    static func forget(_ id: Int) -> StreamCall { StreamCall(json: #"{"type":"close_sql","sql_id":\#(id)}"#) }
    static let getAutocommit = StreamCall(json: #"{"type":"get_autocommit"}"#)
    static let close = StreamCall(json: #"{"type":"close"}"#)
}
