import Changesets
import BerthTestKit
import Engines
import FleetModel
import Foundation
import Glibc
import Hrana
import Synchronization
import Testing

@testable import EngineHost

/// A node's end and a host's end of one socket.
@Suite struct HostConnectionTests {
    private func call(_ body: [UInt8], isReadOnly: Bool = false) -> HostCall {
        HostCall(route: .pipeline(.three), body: body, access: AccessRights(isReadOnly: isReadOnly, tokenDigest: [1]))
    }

    private func with(_ body: (Link) async throws -> Void) async throws {
        let link = try Link()
        do { try await body(link) } catch {
            await link.end()
            throw error
        }
        await link.end()
    }

    @Test func manyCallsAtOnceGetEachItsAnswer() async throws {
        try await with { link in
            let database = try await link.open()
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<500 {
                    group.addTask {
                        let body = Array("\(index)".utf8)
                        let answer = await database.serve(call(body))
                        #expect((try? answer.content.get().body) == body + body)
                        #expect(answer.basis.commit != 0 && answer.stream == 5)
                    }
                }
                await group.waitForAll()
            }
        }
    }

    @Test func whatIsLargeGoesThroughTheSpoolAndLeavesNothingThere() async throws {
        try await with { link in
            let database = try await link.open(seq: UInt64(FrameLimits.inlineBytes) * 3)
            let body = (0..<FrameLimits.inlineBytes + 1).map { UInt8(truncatingIfNeeded: $0) }
            #expect(try await database.serve(call(body)).content.get().body == body + body)
            let piece = try #require(await database.nextPiece(ofCursor: 1_000_000))
            #expect(piece.lines == Array(repeating: 7, count: 1_000_000) && !piece.isLast)
            guard case .cut(let cut) = try await database.cut(CutOrder(head: ChainPosition(seq: 700_000, checksum: 1), isWhole: false)) else {
                Issue.record("nothing was cut")
                return
            }
            #expect(cut.contents.size == 700_000 && cut.commit == 6)
            #expect(try FileManager.default.contentsOfDirectory(atPath: link.spool) == [])
        }
    }

    @Test func everyRequestHasItsAnswer() async throws {
        try await with { link in
            let database = try await link.open()
            #expect(await database.serve(call([])).content.failure?.code == .malformedRequest)
            #expect(await database.nextPiece(ofCursor: 0) == nil)
            #expect(await database.nextPiece(ofCursor: 1)?.isLast == true)
            guard case .nothing(4) = try await database.cut(CutOrder(head: .origin, isWhole: true)) else {
                Issue.record("something was cut")
                return
            }
            await #expect(throws: CutFailure(remedy: .captureAll, description: "gone")) {
                _ = try await database.cut(CutOrder(head: ChainPosition(seq: 1, checksum: 0), isWhole: true))
            }
            #expect(await database.foldForClosing(head: .origin) == .folded)
            #expect(await database.closeIfAtRest(head: .origin) == nil)
            database.cancelCursor(2)
            await database.cutOffCursor(3)
            await database.discard(stream: 4, cursor: nil)
            await database.drain(until: .zero)
            database.endDraining()
            await database.resume()
            await database.raise(to: Epoch(9))
            #expect(await database.close(clean: true, because: BerthError(.shuttingDown, "bye")) == .clean)
            #expect(
                Set(link.host.database.log.withLock { $0 }) == [
                    "cancel 2", "cut off 3", "discard 4 0", "drain", "end draining", "resume", "raise 9", "close shutting_down",
                ])
            #expect(await database.serve(call([1])).content.failure?.code == .notLeader)
            await #expect(throws: OpeningFailure.quarantined(.sample)) { _ = try await link.open(seq: 99) }
            #expect(link.connection.databases == 0)
        }
    }

    @Test func theOwnerIsToldBeforeTheAnswerIsThere() async throws {
        try await with { link in
            let owner = RecordingOwner()
            let database = try await link.open(for: owner)
            let host = try #require(link.host.owner.withLock { $0 })
            for commit in 1...100 {
                host.committed(UInt64(commit))
                _ = await database.serve(call([1]))
                #expect(owner.told.last == "committed \(commit)")
            }
            host.wantsCut()
            host.wantsFiles()
            host.filesDoNotOpen()
            _ = await database.serve(call([1]))
            #expect(owner.told.suffix(3) == ["wants cut", "wants files", "do not open"])
        }
    }

    @Test func aCallThatIsCancelledIsWithdrawn() async throws {
        try await with { link in
            let database = try await link.open()
            let scripted = link.host.database
            scripted.latch.close()
            let task = Task { await database.serve(call([1])) }
            try await becomesTrue("it waits") { scripted.latch.arrivals == 1 }
            task.cancel()
            try await becomesTrue("it is withdrawn") { scripted.withdrawn.load(ordering: .relaxed) == 1 }
            scripted.latch.open()
            _ = await task.value
        }
    }

    /// Of the numbers in this test, even ones count as begun.
    @Test func whoWaitsForAHostThatIsLostIsToldWhatItMeans() async throws {
        let link = try Link()
        let owner = RecordingOwner()
        let database = try await link.open(for: owner)
        link.host.database.latch.close()
        let answers = await withTaskGroup(of: HostAnswer.self) { group in
            for index in 0..<20 { group.addTask { await database.serve(call([1], isReadOnly: index % 2 == 0)) } }
            try? await becomesTrue("they wait") { link.host.database.latch.arrivals == 20 }
            link.hostChannel.end()
            return await group.reduce(into: [HostAnswer]()) { $0.append($1) }
        }
        for answer in answers {
            let code = try #require(answer.content.failure?.code)
            #expect(code == .leaderUnavailable || code == .outcomeUnknown && !answer.mayBeMadeAgain)
            #expect(answer.basis == .nothing)
        }
        #expect(answers.count { $0.mayBeMadeAgain } == 10)
        #expect(owner.told == ["lost: the stream ended"])
        // Afterwards nothing of it is possible, and nobody waits.
        #expect(await database.serve(call([1])).mayBeMadeAgain)
        #expect(await database.close(clean: true, because: BerthError(.shuttingDown, "bye")) == .dirty)
        link.host.database.latch.open()
        await link.end()
        #expect(owner.told.count == 1)
    }

    @Test(arguments: [
        [UInt8](repeating: 0, count: 32), Array("GET / HTTP/1.1\r\n\r\n".utf8), [9, 0, 0, 0, 200, 1, 0, 0, 0, 0, 0, 0, 0],
        // An answer to a question nobody asked.
        FrameSamples.bytes(.done),
    ])
    func bytesThatAreNoAnswerEndTheConnectionAndNobodyElse(_ bytes: [UInt8]) async throws {
        let link = try Link()
        let database = try await link.open()
        link.host.database.latch.close()
        async let waiting = database.serve(call([1]))
        try await becomesTrue("it waits") { link.host.database.latch.arrivals == 1 }
        link.hostChannel.send { writer in for byte in bytes { writer.append(byte) } }
        #expect(await waiting.content.failure != nil)
        #expect(link.refusal.withLock { $0 } != nil)
        link.host.database.latch.open()
        await link.end()
    }

    @Test func aFileInTheSpoolThatIsSomethingElseIsNoAnswer() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/berth-spool-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = Spool(folder, isHost: false), host = Spool(folder, isHost: true)
        let file = try host.put([1, 2, 3], 1)
        #expect(throws: Spool.Failure.self) { try node.take(SpooledFile(number: 1, byteCount: 4)) }
        #expect(throws: Spool.Failure.self) { try node.take(file) }
        symlink("/etc/passwd", "\(folder)/h2")
        mkfifo("\(folder)/h3", 0o600)
        mkdir("\(folder)/h4", 0o700)
        for number in 2...5 { #expect(throws: Spool.Failure.self) { try node.take(SpooledFile(number: UInt64(number), byteCount: 1)) } }
        #expect(try node.take(try host.put([], 6)) == [])
    }

    /// A reader that does not keep up holds up no writer; everything arrives, in order.
    @Test func whatDoesNotFitIntoTheSocketGoesOutLater() async throws {
        try await with { link in
            let owner = RecordingOwner()
            _ = try await link.open(for: owner)
            let host = try #require(link.host.owner.withLock { $0 })
            for commit in 0..<50_000 { host.committed(UInt64(commit)) }
            try await becomesTrue("all were told") { owner.told.count == 50_000 }
            #expect(owner.told.last == "committed 49999" && owner.told[12_345] == "committed 12345")
        }
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
