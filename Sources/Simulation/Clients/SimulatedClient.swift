import Chaos
import FleetModel
import FleetStore
import Foundation
import Gateway
import Hrana
import Routing

/// A database, as a client on a machine of its own speaks to it through one node.
struct SimulatedClient: PipelineClient {
    let life: Life
    let fleet: SimulatedFleet
    let entry: NodeProcess
    let database: DatabaseName

    func pipeline(_ requests: [HranaRequest], baton: String?) async throws(PipelineFailure) -> PipelineReply {
        let call = DataCall(
            database: database, route: .pipeline(.two), body: Array(HranaRequest.pipeline(requests, baton: baton).utf8),
            access: .readWrite, tokenDigest: [1], requestID: "")
        let answer: OutgoingReply
        switch await PeerLink(caller: life, fleet: fleet).ask(entry, call, isForwarded: false) {
        case .answered(let reply): answer = reply
        case .unreached: throw .notConnected
        case .lost: throw .lost("connection lost")
        }
        let body = Data(answer.body)
        guard answer.status == 200 else {
            guard let reply = try? JSONDecoder().decode(ErrorReply.self, from: body), let code = reply.code else {
                throw .lost("status \(answer.status)")
            }
            throw .refused(code: code, message: reply.message ?? "")
        }
        do { return try JSONDecoder().decode(PipelineReply.self, from: body) } catch {
            throw .lost("an answer that cannot be read: \(error)")
        }
    }
}
