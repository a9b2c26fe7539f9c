import BerthTestKit
import Changesets
import Engines
import FleetModel
import Foundation
import Glibc
import Synchronization
import Testing

@testable import EngineHost

/// A host that answers as its test wants.
final class ScriptedHost: EngineHost {
    let database = ScriptedDatabase()
    let owner = Mutex<(any DatabaseOwner)?>(nil)
    let opening = Mutex<DatabaseOpening?>(nil)

    func open(_ opening: DatabaseOpening, for owner: any DatabaseOwner) async throws(OpeningFailure) -> any HostedDatabase {
        if opening.head.seq == 99 { throw .quarantined(.sample) }
        self.owner.withLock { $0 = owner }
        self.opening.withLock { $0 = opening }
        return database
    }

    func rehearse(_ path: String, _ engine: EngineKind) async throws(HostFailure) {
        if path == "damaged" { throw .engine(SQLError(code: "SQLITE_CORRUPT", message: "malformed")) }
    }

    func verify(_ path: String, _ engine: EngineKind) async throws(HostFailure) { throw .engineMissing("none") }

    var descriptors: (taken: Int, limit: Int) { (3, 8) }

    func run() async {}
}

final class ScriptedDatabase: HostedDatabase {
    /// Held closed, calls wait behind it.
    let latch = Latch(isOpen: true)
    let log = Mutex<[String]>([])
    let withdrawn = Atomic(0)

    private func note(_ text: String) { log.withLock { $0.append(text) } }

    /// Answers with the body twice.
    func serve(_ call: HostCall) async -> HostAnswer {
        await withTaskCancellationHandler {
            await latch.pass()
        } onCancel: {
            withdrawn.add(1, ordering: .relaxed)
        }
        if call.body.isEmpty { return HostAnswer(.failure(BerthError(.malformedRequest, "nothing")), .nothing) }
        return HostAnswer(
            .success(HostReply(status: 200, body: call.body + call.body)),
            Basis(commit: call.id, showsData: true, mayHaveCommitted: false), stream: 5, cursor: nil)
    }

    func nextPiece(ofCursor cursor: UInt64) async -> CursorPiece? {
        guard cursor != 0 else { return nil }
        return CursorPiece(lines: Array(repeating: 7, count: Int(cursor)), basis: .nothing, isLast: cursor == 1)
    }

    func cancelCursor(_ cursor: UInt64) { note("cancel \(cursor)") }
    func cutOffCursor(_ cursor: UInt64) async { note("cut off \(cursor)") }
    func discard(stream: UInt64?, cursor: UInt64?) async { note("discard \(stream ?? 0) \(cursor ?? 0)") }

    func cut(_ order: CutOrder) async throws(CutFailure) -> CutResult {
        if order.head.seq == 0 { return .nothing(through: 4) }
        if order.head.seq == 1 { throw CutFailure(remedy: .captureAll, description: "gone") }
        return .cut(
            Cut(commit: 6, position: order.head, pageSize: 4_096, createdAt: 1, contents: .bytes(Array(repeating: 3, count: Int(order.head.seq)))))
    }

    func drain(until deadline: Duration) async { note("drain") }
    func endDraining() { note("end draining") }
    func resume() async { note("resume") }
    func foldForClosing(head: ChainPosition) async -> Folding { head == .origin ? .folded : .mustCut }
    func raise(to epoch: Epoch) async { note("raise \(epoch)") }
    func closeIfAtRest(head: ChainPosition) async -> Closing? { head == .origin ? nil : .clean }

    func close(clean: Bool, because reason: BerthError) async -> Closing {
        note("close \(reason.code.rawValue)")
        return clean ? .clean : .dirty
    }
}

/// Writes down what an owner is told.
final class RecordingOwner: DatabaseOwner {
    let events = Mutex<[String]>([])

    var told: [String] { events.withLock { $0 } }

    func committed(_ commit: UInt64) { events.withLock { $0.append("committed \(commit)") } }
    func wantsCut() { events.withLock { $0.append("wants cut") } }
    func filesDoNotOpen() { events.withLock { $0.append("do not open") } }
    func wantsFiles() { events.withLock { $0.append("wants files") } }
    func hostLost(_ reason: String) { events.withLock { $0.append("lost: \(reason)") } }
}

/// Both ends of the frames in this process, on threads of their own.
final class Link: Sendable {
    let host = ScriptedHost()
    let connection: HostConnection
    let nodeChannel: FrameChannel, hostChannel: FrameChannel
    let spool: String
    /// What the node's reader ended with.
    let refusal = Mutex<FrameError?>(nil)
    private let isOver = Latch()

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        spool = FileManager.default.temporaryDirectory.path + "/berth-link-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: spool, withIntermediateDirectories: true)
        nodeChannel = FrameChannel(ends[0])
        hostChannel = FrameChannel(ends[1])
        connection = HostConnection(
            channel: nodeChannel, spool: Spool(spool, isHost: false), kept: SpoolRule(folder: SpoolFolder(spool + "/kept"), memoryBytes: 4 << 20),
            blocking: .threads)
        let server = HostServer(
            host: host, channel: hostChannel, spool: Spool(spool, isHost: true), blocking: .threads, clock: BootClock(), relieve: { _ in })
        Thread.start(named: "link-host") { [hostChannel] in
            try? hostChannel.receive { kind, number, reader throws(FrameError) in try server.handle(try HostRequest(kind, &reader), number) }
            hostChannel.end()
        }
        Thread.start(named: "link-node") { [self] in
            do throws(FrameError) {
                try nodeChannel.receive { kind, number, reader throws(FrameError) in try connection.receive(try HostMessage(kind, &reader), number) }
            } catch { refusal.withLock { $0 = error } }
            connection.end("the stream ended") { $0 & 1 == 0 }
            isOver.open()
        }
    }

    func open(for owner: RecordingOwner = RecordingOwner(), seq: UInt64 = 1) async throws -> RemoteDatabase {
        let place = try await connection.open(try Self.opening(seq: seq), for: owner)
        return RemoteDatabase(place, connection, clock: BootClock(), refreshGate: {}, closed: {})
    }

    static func opening(seq: UInt64) throws -> DatabaseOpening {
        DatabaseOpening(
            database: .random(), name: try DatabaseName("shop"), engine: .sqlite, settings: DatabaseSettings(), directory: "/nowhere",
            copy: .random(), epoch: Epoch(1), head: ChainPosition(seq: seq, checksum: 0), content: .head, commit: 0)
    }

    /// Ends both readers.
    func end() async {
        nodeChannel.end()
        hostChannel.end()
        await isOver.pass()
        try? FileManager.default.removeItem(atPath: spool)
    }
}

extension Quarantined {
    static let sample = Quarantined(reason: "it has been bad", remaining: .milliseconds(61_500), refusals: 3)
}
