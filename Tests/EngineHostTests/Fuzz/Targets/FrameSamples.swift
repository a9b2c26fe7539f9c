import Changesets
import Engines
import FleetModel
import Foundation
import Hrana

@testable import EngineHost

/// One frame of every kind, and of every form that its fields have.
enum FrameSamples {
    private static let access = AccessRights(isReadOnly: true, tokenDigest: Array(repeating: 7, count: 32))
    private static let position = ChainPosition(seq: 12, checksum: 0xFEDC_BA98_7654_3210)
    private static let lag = BerthError(.shipLagExceeded, "Writes wait: the bucket is far behind.")
    private static let database = DatabaseID(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)))
    private static let copy = CopyID(UUID(uuid: (16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)))
    private static let routes: [DataRoute] =
        [.v1Execute, .v1Batch, .cursor, .load] + HranaVersion.allCases.flatMap { [.pipeline($0), .versionCheck($0)] }

    private static func opening(_ content: DatabaseOpening.Content) -> DatabaseOpening {
        // Safe: a label of letters.
        let name = try! DatabaseName("shop")
        return DatabaseOpening(
            database: database, name: name, engine: .duckdb, settings: DatabaseSettings(foreignKeys: true), directory: "/var/lib/berth", copy: copy,
            epoch: Epoch(9), head: position, tip: ChainPosition(seq: position.seq + 1, checksum: 5), content: content, commit: 77)
    }

    private static let watermark = CopyWatermark(epoch: Epoch(8), copy: copy, points: [.init(position: position, mark: nil)])

    static let requests: [HostRequest] =
        [
            .configure(Array("{}".utf8)), .open(opening(.head)), .open(opening(.older)), .open(opening(.left(watermark))),
            .open(opening(.kept(watermark))), .open(opening(.kept(nil))), .rehearse(.sqlite, path: "/a/db"), .verify(.duckdb, path: ""), .withdraw,
            .nextPiece(place: 65_536, cursor: 3), .cancelCursor(place: 65_536, cursor: 3), .cutOffCursor(place: 65_536, cursor: 3),
            .discard(place: 65_536, stream: 4, cursor: nil), .discard(place: 65_536, stream: nil, cursor: .max),
            .cut(place: 65_536, CutOrder(head: position, isWhole: true)), .drain(place: 65_536, until: BootInstant(nanoseconds: -1)),
            .endDraining(place: 65_536), .resume(place: 65_536), .foldForClosing(place: 65_536, head: .origin), .raise(place: 65_536, to: Epoch(10)),
            .closeIfAtRest(place: 65_536, head: position), .close(place: 65_536, clean: true, because: lag), .ping, .relieve(work: nil), .relieve(work: 7),
            .serve(place: 65_536, HostCall(route: .load, query: "table=t", body: [], access: access, writesWait: lag), SpooledFile(number: 5, byteCount: 1 << 30)),
        ]
        + routes.map { .serve(place: 65_536, HostCall(route: $0, body: Array("{\"sql\":\"é\"}".utf8), access: access), nil) }

    private static let reply = HostReply(status: 400, contentType: "text/plain", body: [0, 255])
    private static let basis = Basis(commit: 9, showsData: true, mayHaveCommitted: true)
    private static let cut = Cut(commit: 9, position: position, pageSize: 4_096, createdAt: 1_700_000_000_000, contents: .bytes([1, 2, 3]))
    private static let sqlError = SQLError(code: "SQLITE_FULL", message: "database or disk is full")

    private static var answers: [HostAnswer] {
        var unbegun = HostAnswer(.failure(BerthError(.outcomeUnknown, "It may have happened.")), .nothing)
        unbegun.mayBeMadeAgain = true
        return [HostAnswer(.success(reply), basis, stream: 1, cursor: 2), HostAnswer(.failure(lag), .nothing), unbegun]
    }

    static let messages: [HostMessage] =
        answers.map { .answer($0, nil) }
        + [HostFailure.engine(sqlError), .engineMissing("none"), .hostLost("killed")].flatMap { [.failed($0), .openingFailed(.host($0))] }
        + [
            .ready(missing: []), .ready(missing: ["landlock: Function not implemented", "seccomp"]), .opened, .openingFailed(.unproven),
            .openingFailed(.disk("full")), .openingFailed(.tooManyFiles), .openingFailed(.quarantined(.sample)),
            .answer(HostAnswer(.success(HostReply(body: [])), basis), SpooledFile(number: 1, byteCount: 0)), .piece(nil, nil),
            .piece(CursorPiece(lines: Array("{}\n".utf8), basis: basis, isLast: true), nil),
            .piece(CursorPiece(lines: [], basis: basis, isLast: false), SpooledFile(number: 2, byteCount: 9)), .cut(.nothing(through: 3), nil),
            .cut(.cut(cut), nil), .cutFailed(CutFailure(remedy: .captureAll, description: "began anew")),
            .cutFailed(CutFailure(remedy: .tryAgain, description: "")), .done, .folded(.folded), .folded(.mustCut), .folded(.failed), .closed(nil),
            .closed(.clean), .closed(.dirty), .committed(place: 65_536, commit: 9), .wantsCut(place: 65_536), .filesDoNotOpen(place: 65_536),
            .wantsFiles(place: 65_536), .pong, .counted(.statements, 12),
        ]

    static func bytes(_ request: HostRequest) -> [UInt8] {
        var writer = FrameWriter()
        request.write(0x0102_0304_0506_0708, to: &writer)
        return writer.bytes
    }

    static func bytes(_ message: HostMessage) -> [UInt8] {
        var writer = FrameWriter()
        message.write(0x0102_0304_0506_0708, to: &writer)
        return writer.bytes
    }
}
