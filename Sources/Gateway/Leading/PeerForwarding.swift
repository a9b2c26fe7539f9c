package import FleetModel
package import NIOHTTP1
package import Routing

/// Sends a call on to the node that leads its database.
package protocol PeerForwarding: Sendable {
    func send(_ call: DataCall, head: HTTPRequestHead, path: String, to peer: PeerAddress) async -> ForwardOutcome
}

/// What became of a call that was sent on.
package enum ForwardOutcome: Sendable {
    case reply(OutgoingReply)
    /// The node does not lead, or not yet; it executed nothing.
    case declined(BerthError.Code, NotLeaderHint?)
    /// The request never left this process.
    case unreached(String)
    /// The request may have been executed.
    case lost(String)

    /// What the other node answered; its `not_leader` and `leader_unavailable` promise that nothing was executed.
    package init(answer: OutgoingReply) {
        if answer.status == BerthError.Code.notLeader.httpStatus || answer.status == BerthError.Code.leaderUnavailable.httpStatus,
            let (code, hint) = NotLeaderBody.decode(answer.body), code == .notLeader || code == .leaderUnavailable
        {
            self = .declined(code, hint)
        } else {
            self = .reply(answer)
        }
    }
}
