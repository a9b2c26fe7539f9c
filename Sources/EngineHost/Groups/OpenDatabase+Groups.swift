import Engines
import FleetModel
import Hrana
import Synchronization

/// Group commit: requests that are there at the same time, and leave no transaction behind, share one.
///
/// Transactions that a member begins and commits itself are part of it: nothing comes between the statements of a member, and
/// everything is kept or nothing, so its BEGIN and COMMIT have nothing left to do. One that is rolled back is carried out by itself.
///
/// What a member may answer is decided for each of them as if it were alone: its own gates, and what its answer rests on. A group keeps only what succeeds: a member with an error, or with anything that a group cannot give it (the
/// turn to write while somebody has it, much time, a large answer), is undone and carried out again by itself, outside any
/// group, and that is what its client sees. An error that ends the whole transaction undoes all of them, and each is
/// carried out again; a commit that fails is the answer of everybody who wrote. Members have savepoints of their own as soon as
/// an error was seen, for some time; without one, an error undoes its group.
extension OpenDatabase {
    /// Carries the requests of a call out together with whoever else is waiting.
    ///
    /// - Returns: `nil` when nothing was kept and they have to be carried out by themselves.
    nonisolated func answerInGroup(
        _ shared: ShareableRequests, _ call: ParsedCall, _ end: RequestEnd
    ) async -> (results: [Result<StreamResponse, SQLError>], basis: Basis)? {
        // One statement for which nobody has to wait needs no transaction around it.
        if lane.isIdle && shared.isOneStatement { return nil }
        let outcome = await withCheckedContinuation { continuation in
            let request = GroupRequest(shared: shared, call: call, end: end, continuation: continuation)
            if inbox.put(request) { Task { await self.carryOutGroup() } }
        }
        switch outcome {
        case .answered(let results, let basis): return (shared.answers(results), basis)
        case .standsAlone: return nil
        }
    }

    private func carryOutGroup() {
        let waiting = inbox.take(atMost: host.settings.groupRequests)
        invariant(!waiting.isEmpty, "a group is carried out for nobody")
        // Whoever finds the files closed, the database on the move, the gate closed or all streams taken is told so there.
        guard case .open(let database) = state, !isDraining, host.isGateOpen(), streams.count < host.settings.maximumStreams else {
            for request in waiting { request.continuation.resume(returning: .standsAlone) }
            return followUp(leaving: [])
        }
        let members = waiting.map { GroupMember($0.shared, $0.call.access, RequestUnderWay($0.call, $0.end)) }
        let count = carryOut(members, on: database)
        invariant((1...members.count).contains(count), "a group goes no further")
        for (request, member) in zip(waiting, members[..<count]) {
            request.continuation.resume(
                returning: member.standsAlone ? .standsAlone : .answered(member.answer, member.request.basis(upTo: commits.last)))
        }
        followUp(leaving: waiting[count...])
    }

    private func followUp(leaving requests: ArraySlice<GroupRequest>) {
        if inbox.finish(leaving: requests) { Task { self.carryOutGroup() } }
    }
}
