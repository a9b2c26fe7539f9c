import Chaos
import FleetModel
import FleetStore
import Gateway
import Hrana
import Routing

/// A database, as a client on a machine of its own speaks to it through one node.
struct SimulatedClient: DatabaseClient {
    let life: Life
    let fleet: SimulatedFleet
    let entry: NodeProcess
    let database: DatabaseName

    func send(_ call: ClientCall) async throws(CallFailure) -> [UInt8] {
        guard let route = DataRoute(method: "POST", path: call.path) else { throw .lost("there is no route \(call.path)") }
        let query = call.path.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init)
        let data = DataCall(
            database: database, route: route, query: query, body: Array(call.body.utf8), access: .readWrite, tokenDigest: [1],
            requestID: "")
        switch await PeerLink(caller: life, fleet: fleet).ask(entry, data, path: call.path, isForwarded: false) {
        case .answered(let reply):
            guard reply.status == 200 else { throw CallFailure(status: reply.status, body: reply.body) }
            return reply.body
        case .unreached: throw .notConnected
        case .lost: throw .lost("connection lost")
        }
    }
}
