import FleetModel
import Hrana
import Routing
import WorkerNode

/// Sends requests to a database as a gateway does, a number of them at a time.
struct DataDriver: Sendable {
    let node: WorkerNode
    let database: DatabaseName

    /// Carries all of `bodies` out, at most `concurrency` at a time.
    ///
    /// - Parameter read: of each reply; what is kept of it. A server keeps none of them, and a benchmark that keeps all of many
    ///   measures the system's supply of new memory.
    /// - Returns: what was kept, in the order of the bodies.
    /// - Throws: `WorkLost` for a request that was refused; a reply with an error in it is the caller's to find.
    func send<Kept: Sendable>(
        _ bodies: [[UInt8]], concurrency: Int, reading read: @escaping @Sendable ([UInt8]) throws -> Kept
    ) async throws -> [Kept] {
        let lanes = min(concurrency, bodies.count)
        return try await withThrowingTaskGroup(of: [(Int, Kept)].self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    var replies: [(Int, Kept)] = []
                    replies.reserveCapacity(bodies.count / lanes + 1)
                    for index in stride(from: lane, to: bodies.count, by: lanes) {
                        replies.append((index, try read(try await self.send(bodies[index]))))
                    }
                    return replies
                }
            }
            var all = [Kept?](repeating: nil, count: bodies.count)
            for try await replies in group { for (index, reply) in replies { all[index] = reply } }
            return all.compactMap(\.self)
        }
    }

    /// Keeps all replies.
    func send(_ bodies: [[UInt8]], concurrency: Int) async throws -> [[UInt8]] {
        try await send(bodies, concurrency: concurrency) { $0 }
    }

    func send(_ body: [UInt8]) async throws -> [UInt8] {
        let reply: DataReply
        do {
            reply = try await node.serve(
                DataCall(
                    database: database, route: .pipeline(.three), body: body, access: .readWrite, tokenDigest: [],
                    requestID: "bench"))
        } catch { throw WorkLost("a request was refused: \(error)") }
        guard reply.status == 200 else {
            throw WorkLost("a request was answered with status \(reply.status): \(String(decoding: reply.body, as: UTF8.self))")
        }
        return reply.body
    }

    /// One statement, whose answer is wanted.
    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue] = []) async throws -> PipelineAnswer.Statement {
        let answer = try PipelineAnswer(try await send(PipelineBody.single(sql, arguments)))
        guard let first = answer.statements.first else { throw WorkLost("“\(sql)” has no answer") }
        return first
    }
}
