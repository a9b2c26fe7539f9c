import Engines
import FleetModel
import Hrana
import Leases
import Synchronization

/// Group commit: requests that are there at the same time, and leave no transaction behind, share one.
///
/// Transactions that a member begins and commits itself are part of it: nothing comes between the statements of a member, and
/// everything is kept or nothing, so its BEGIN and COMMIT have nothing left to do. One that is rolled back is carried out by itself.
///
/// What a member may answer is decided for each of them as if it were alone: its own gates, its own acknowledgement after
/// the commit. A group keeps only what succeeds: a member with an error, or with anything that a group cannot give it (the
/// turn to write while somebody has it, much time, a large answer), is undone and carried out again by itself, outside any
/// group, and that is what its client sees. An error that ends the whole transaction undoes all of them, and each is
/// carried out again; a commit that fails is the answer of everybody who wrote. Members have savepoints of their own as soon as
/// an error was seen, for some time; without one, an error undoes its group.
extension Tenant {
    /// Carries the requests of a call out together with whoever else is waiting.
    ///
    /// - Returns: `nil` when nothing was kept and they have to be carried out by themselves.
    /// - Throws: as ``serve(_:)``.
    nonisolated func answerInGroup(
        _ call: ShareableRequests, _ access: AccessRights
    ) async throws(BerthError) -> [Result<StreamResponse, SQLError>]? {
        // One statement for which nobody has to wait needs no transaction around it.
        if lane.isIdle && call.isOneStatement { return nil }
        lastUse.store(environment.clock.now().wholeNanoseconds, ordering: .relaxed)
        let outcome = await withCheckedContinuation { continuation in
            let request = GroupRequest(call: call, access: access, continuation: continuation)
            if inbox.put(request) { Task { await self.carryOutGroup() } }
        }
        switch outcome {
        case .answered(let results): return call.answers(results)
        case .refused(let error): throw error
        case .standsAlone: return nil
        }
    }

    private func carryOutGroup() {
        let waiting = inbox.take(atMost: environment.settings.groupRequests)
        invariant(!waiting.isEmpty, "a group is carried out for nobody")
        // Whoever finds the files closed opens them by itself; whoever finds the database on the move, the gate closed or all
        // streams taken is told so there.
        guard case .serving(let database) = state, !isDraining, environment.gate.isOpen,
            streams.count < environment.settings.maximumStreams
        else {
            for request in waiting { request.continuation.resume(returning: .standsAlone) }
            return followUp(leaving: [])
        }
        let members = waiting.map { GroupMember($0.call, $0.access, RequestUnderWay(epoch: epoch, life: life)) }
        let count = carryOut(members, on: database)
        invariant((1...members.count).contains(count), "a group goes no further")
        for (request, member) in zip(waiting, members[..<count]) { acknowledge(member, to: request) }
        followUp(leaving: waiting[count...])
    }

    private func followUp(leaving requests: ArraySlice<GroupRequest>) {
        if inbox.finish(leaving: requests) { Task { self.carryOutGroup() } }
    }

    /// Answers a member, each after its own second gate: at once, or when what its answer rests on is published.
    private func acknowledge(_ member: GroupMember, to request: GroupRequest) {
        let underWay = member.request
        if member.standsAlone {
            request.continuation.resume(returning: .standsAlone)
        } else if !underWay.touchedData {
            request.continuation.resume(returning: .answered(member.answer))
        } else if waitsForBucket(lastCommit) {
            requestsUnderWay += 1
            let (commit, answer) = (lastCommit, member.answer)
            Task {
                let outcome: GroupRequest.Outcome
                do throws(BerthError) {
                    try await confirm(underWay, upTo: commit)
                    outcome = .answered(answer)
                } catch {
                    outcome = .refused(error)
                }
                endRequest()
                request.continuation.resume(returning: outcome)
            }
        } else {
            request.continuation.resume(
                returning: isServing(underWay) ? .answered(member.answer) : .refused(unconfirmed(underWay)))
        }
    }
}
