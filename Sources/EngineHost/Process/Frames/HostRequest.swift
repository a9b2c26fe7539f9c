import Engines
import FleetModel
import Foundation
import Hrana

/// What a node asks of a host, or tells it.
///
/// A `place` is an open database: the number of the request that opened it.
enum HostRequest: Sendable {
    /// The first of all: a ``HostConfiguration``, as JSON.
    case configure([UInt8])
    case open(DatabaseOpening)
    case rehearse(EngineKind, path: String)
    case verify(EngineKind, path: String)
    /// The call's ``HostCall/id`` is the number of the frame.
    case serve(place: UInt64, HostCall, SpooledFile?)
    /// The request with this frame's number is no longer waited for.
    case withdraw
    case nextPiece(place: UInt64, cursor: UInt64)
    case cancelCursor(place: UInt64, cursor: UInt64)
    case cutOffCursor(place: UInt64, cursor: UInt64)
    case discard(place: UInt64, stream: UInt64?, cursor: UInt64?)
    case cut(place: UInt64, CutOrder)
    case drain(place: UInt64, until: BootInstant)
    case endDraining(place: UInt64)
    case resume(place: UInt64)
    case foldForClosing(place: UInt64, head: ChainPosition)
    case raise(place: UInt64, to: Epoch)
    case closeIfAtRest(place: UInt64, head: ChainPosition)
    case close(place: UInt64, clean: Bool, because: BerthError)
    case ping
    /// Memory is short: the request whose work has this number ends; without one, what is free is given back.
    case relieve(work: UInt64?)

    enum Kind: UInt8 {
        case configure = 1, open, rehearse, verify, serve, withdraw, nextPiece, cancelCursor, cutOffCursor, discard, cut, drain, endDraining, resume,
            foldForClosing, raise, closeIfAtRest, close, ping, relieve
    }
}

extension HostRequest {
    func write(_ number: UInt64, to frames: inout FrameWriter) {
        func frame(_ kind: Kind, _ fields: (inout FrameWriter) -> Void = { _ in }) { frames.frame(kind.rawValue, number, fields) }
        func frame(_ kind: Kind, _ place: UInt64, _ fields: (inout FrameWriter) -> Void = { _ in }) {
            frames.frame(kind.rawValue, number) {
                $0.append(place)
                fields(&$0)
            }
        }
        switch self {
        case .configure(let json):
            frame(.configure) {
                $0.append(FrameLimits.version)
                $0.append(json)
            }
        case .open(let opening): frame(.open) { opening.write(to: &$0) }
        case .rehearse(let engine, let path):
            frame(.rehearse) {
                $0.append(engine.rawValue)
                $0.append(path)
            }
        case .verify(let engine, let path):
            frame(.verify) {
                $0.append(engine.rawValue)
                $0.append(path)
            }
        case .serve(let place, let call, let spooled):
            frame(.serve, place) { call.write(to: &$0, spooled) }
        case .withdraw: frame(.withdraw)
        case .nextPiece(let place, let cursor): frame(.nextPiece, place) { $0.append(cursor) }
        case .cancelCursor(let place, let cursor): frame(.cancelCursor, place) { $0.append(cursor) }
        case .cutOffCursor(let place, let cursor): frame(.cutOffCursor, place) { $0.append(cursor) }
        case .discard(let place, let stream, let cursor):
            frame(.discard, place) {
                $0.append(stream)
                $0.append(cursor)
            }
        case .cut(let place, let order):
            frame(.cut, place) {
                $0.append(order.head)
                $0.append(order.isWhole)
                $0.append(UInt64(order.fileBytes))
            }
        case .drain(let place, let deadline): frame(.drain, place) { $0.append(deadline.nanoseconds) }
        case .endDraining(let place): frame(.endDraining, place)
        case .resume(let place): frame(.resume, place)
        case .foldForClosing(let place, let head): frame(.foldForClosing, place) { $0.append(head) }
        case .raise(let place, let epoch): frame(.raise, place) { $0.append(epoch.value) }
        case .closeIfAtRest(let place, let head): frame(.closeIfAtRest, place) { $0.append(head) }
        case .close(let place, let clean, let reason):
            frame(.close, place) {
                $0.append(clean)
                $0.append(reason)
            }
        case .ping: frame(.ping)
        case .relieve(let work): frame(.relieve) { $0.append(work) }
        }
    }

    init(_ kind: UInt8, _ reader: inout FrameReader) throws(FrameError) {
        switch Kind(rawValue: kind) {
        case .configure:
            let version = try reader.uint8()
            guard version == FrameLimits.version else { throw FrameError("version \(version) of the frames") }
            self = .configure(try reader.array())
        case .open: self = .open(try DatabaseOpening(&reader))
        case .rehearse: self = .rehearse(try reader.engine(), path: try reader.text())
        case .verify: self = .verify(try reader.engine(), path: try reader.text())
        case .serve:
            let place = try reader.uint64()
            let (call, spooled) = try HostCall.read(&reader)
            self = .serve(place: place, call, spooled)
        case .withdraw: self = .withdraw
        case .nextPiece: self = .nextPiece(place: try reader.uint64(), cursor: try reader.uint64())
        case .cancelCursor: self = .cancelCursor(place: try reader.uint64(), cursor: try reader.uint64())
        case .cutOffCursor: self = .cutOffCursor(place: try reader.uint64(), cursor: try reader.uint64())
        case .discard:
            self = .discard(place: try reader.uint64(), stream: try reader.optionalUInt64(), cursor: try reader.optionalUInt64())
        case .cut: self = .cut(place: try reader.uint64(), CutOrder(head: try reader.position(), isWhole: try reader.flag(), fileBytes: Int(clamping: try reader.uint64())))
        case .drain: self = .drain(place: try reader.uint64(), until: BootInstant(nanoseconds: try reader.int64()))
        case .endDraining: self = .endDraining(place: try reader.uint64())
        case .resume: self = .resume(place: try reader.uint64())
        case .foldForClosing: self = .foldForClosing(place: try reader.uint64(), head: try reader.position())
        case .raise: self = .raise(place: try reader.uint64(), to: Epoch(try reader.int64()))
        case .closeIfAtRest: self = .closeIfAtRest(place: try reader.uint64(), head: try reader.position())
        case .close: self = .close(place: try reader.uint64(), clean: try reader.flag(), because: try reader.berthError())
        case .ping: self = .ping
        case .relieve: self = .relieve(work: try reader.optionalUInt64())
        case nil: throw FrameError("no request is of kind \(kind)")
        }
        try reader.finish()
    }
}

extension HostCall {
    fileprivate func write(to frame: inout FrameWriter, _ spooled: SpooledFile?) {
        frame.append(route.code)
        frame.append(query)
        frame.append(access.isReadOnly)
        frame.append(access.tokenDigest)
        frame.append(writesWait) { $0.append($1) }
        frame.appendBulk(body, spooled)
    }

    fileprivate static func read(_ reader: inout FrameReader) throws(FrameError) -> (HostCall, SpooledFile?) {
        let code = try reader.uint8()
        guard let route = DataRoute(code: code) else { throw FrameError("no route is \(code)") }
        let query = try reader.optionalText()
        let access = AccessRights(isReadOnly: try reader.flag(), tokenDigest: try reader.array(atMost: 64))
        let writesWait = try reader.flag() ? try reader.berthError() : nil
        let (body, spooled) = try reader.bulk()
        return (HostCall(route: route, query: query, body: body, access: access, writesWait: writesWait), spooled)
    }
}

extension DataRoute {
    fileprivate var code: UInt8 {
        switch self {
        case .v1Execute: 1
        case .v1Batch: 2
        case .cursor: 3
        case .load: 4
        case .pipeline(let version): 0x10 + UInt8(version.rawValue)
        case .versionCheck(let version): 0x20 + UInt8(version.rawValue)
        }
    }

    fileprivate init?(code: UInt8) {
        switch code {
        case 1: self = .v1Execute
        case 2: self = .v1Batch
        case 3: self = .cursor
        case 4: self = .load
        case 0x10...0x2F:
            guard let version = HranaVersion(rawValue: Int(code & 0x0F)) else { return nil }
            self = code < 0x20 ? .pipeline(version) : .versionCheck(version)
        default: return nil
        }
    }
}

extension DatabaseOpening {
    fileprivate func write(to frame: inout FrameWriter) {
        frame.append(database)
        frame.append(name.description)
        frame.append(engine.rawValue)
        frame.append(settings.foreignKeys)
        frame.append(directory)
        frame.append(copy)
        frame.append(epoch.value)
        frame.append(head)
        frame.append(tip)
        frame.append(commit)
        switch content {
        case .head: frame.append(UInt8(0))
        case .older: frame.append(UInt8(1))
        case .left(let watermark):
            frame.append(UInt8(2))
            Self.write(watermark, to: &frame)
        case .kept(let watermark):
            frame.append(UInt8(3))
            frame.append(watermark) { Self.write($1, to: &$0) }
        }
    }

    private static func write(_ watermark: CopyWatermark, to frame: inout FrameWriter) {
        // Nothing of it can fail to be encoded; what could not be read again would be refused by the host.
        frame.append(Array((try? watermark.encoded()) ?? Data()))
    }

    private static func watermark(_ reader: inout FrameReader) throws(FrameError) -> CopyWatermark {
        guard let watermark = CopyWatermark(encoded: Data(try reader.array())) else { throw FrameError("a watermark that is none") }
        return watermark
    }

    fileprivate init(_ reader: inout FrameReader) throws(FrameError) {
        let database = try reader.identifier(DatabaseKind.self)
        let text = try reader.text()
        let name: DatabaseName
        do throws(BerthError) { name = try DatabaseName(text) } catch { throw FrameError("“\(text)” names no database") }
        let engine = try reader.engine()
        let settings = DatabaseSettings(foreignKeys: try reader.flag())
        let directory = try reader.text()
        let copy = try reader.identifier(CopyKind.self)
        let epoch = Epoch(try reader.int64())
        let (head, tip) = (try reader.position(), try reader.position())
        let commit = try reader.uint64()
        let content: Content
        switch try reader.uint8() {
        case 0: content = .head
        case 1: content = .older
        case 2:
            content = .left(try Self.watermark(&reader))
        case 3: content = .kept(try reader.optional(Self.watermark))
        case let other: throw FrameError("no content is \(other)")
        }
        self.init(
            database: database, name: name, engine: engine, settings: settings, directory: directory, copy: copy, epoch: epoch, head: head,
            tip: tip, content: content, commit: commit)
    }
}
