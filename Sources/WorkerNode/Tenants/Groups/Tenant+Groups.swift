import Engines
import FleetModel
import Hrana

/// Group commit: requests that are there at the same time, and consist of statements in autocommit, share a transaction.
///
/// What a member may answer is decided for each of them as if it were alone: its own gates, its own acknowledgement after
/// the commit. A group keeps only what succeeds: a member with an error, or with anything that a group cannot give it (the
/// turn to write while somebody has it, much time, a large answer), is undone and carried out again by itself, outside any
/// group, and that is what its client sees. An error that ends the whole transaction undoes all of them, and each is
/// carried out again; a commit that fails is the answer of everybody who wrote.
extension Tenant {
    /// Carries `requests` out together with whoever else is waiting.
    ///
    /// - Returns: `nil` when nothing was kept and it has to be carried out by itself.
    func answerInGroup(
        _ requests: [StreamRequest], _ access: AccessRights, _ request: RequestUnderWay
    ) async -> [Result<StreamResponse, SQLError>]? {
        let member = GroupMember(requests, access, request)
        if groups.isEmpty && lane.queuedJobs == 0 {
            guard member.gainsFromTransaction else { return nil }
            _ = carryOut([member])
        } else {
            await withCheckedContinuation { continuation in
                member.continuation = continuation
                groups.append(member)
                scheduleGroup()
            }
        }
        return member.standsAlone ? nil : member.results
    }

    /// Behind everything that is on the lane already: whoever comes with it joins.
    private func scheduleGroup() {
        guard !groups.isScheduled else { return }
        groups.isScheduled = true
        Task { self.carryOutGroup() }
    }

    private func carryOutGroup() {
        groups.isScheduled = false
        let members = groups.take(atMost: environment.settings.groupRequests)
        let count = members.count == 1 && !members[0].gainsFromTransaction ? leaveAlone(members) : carryOut(members)
        if count < members.count { groups.putBack(members[count...]) }
        if !groups.isEmpty { scheduleGroup() }
        for member in members[..<count] { member.continuation?.resume() }
    }

    private func leaveAlone(_ members: some Collection<GroupMember>) -> Int {
        for member in members { member.standAlone() }
        return members.count
    }
}
