import Changesets
import Engines
import FleetModel

/// What a host answers, and what it tells by itself.
enum HostMessage: Sendable {
    /// The first of all, once its limits are in force; with those that this machine does not have.
    case ready(missing: [String])
    case opened
    case openingFailed(OpeningFailure)
    case answer(HostAnswer, SpooledFile?)
    case piece(CursorPiece?, SpooledFile?)
    case cut(CutResult, SpooledFile?)
    case cutFailed(CutFailure)
    case done
    case failed(HostFailure)
    case folded(Folding)
    case closed(Closing?)
    case committed(place: UInt64, commit: UInt64)
    case wantsCut(place: UInt64)
    case filesDoNotOpen(place: UInt64)
    case wantsFiles(place: UInt64)
    case pong
    /// Something was counted, so many times since it was told last.
    case counted(HostCounter, UInt64)

    enum Kind: UInt8 {
        case ready = 1, opened, openingFailed, answer, piece, cut, cutFailed, done, failed, folded, closed, committed, wantsCut, filesDoNotOpen, wantsFiles, pong,
            counted
    }
}

extension HostMessage {
    func write(_ number: UInt64, to frames: inout FrameWriter) {
        func frame(_ kind: Kind, _ fields: (inout FrameWriter) -> Void = { _ in }) { frames.frame(kind.rawValue, number, fields) }
        switch self {
        case .ready(let missing):
            frame(.ready) {
                $0.append(UInt32(truncatingIfNeeded: missing.count))
                for text in missing { $0.append(text) }
            }
        case .opened: frame(.opened)
        case .openingFailed(let failure): frame(.openingFailed) { failure.write(to: &$0) }
        case .answer(let answer, let spooled): frame(.answer) { answer.write(to: &$0, spooled) }
        case .piece(let piece, let spooled):
            frame(.piece) {
                $0.append(piece) { frame, piece in
                    piece.basis.write(to: &frame)
                    frame.append(piece.isLast)
                    frame.appendBulk(piece.lines, spooled)
                }
            }
        case .cut(let result, let spooled):
            frame(.cut) { frame in
                switch result {
                case .nothing(let commit):
                    frame.append(false)
                    frame.append(commit)
                case .cut(let cut):
                    frame.append(true)
                    cut.write(to: &frame, spooled)
                }
            }
        case .cutFailed(let failure):
            frame(.cutFailed) {
                switch failure.remedy {
                case .tryAgain: $0.append(UInt64(0))
                case .captureAll: $0.append(UInt64(1))
                case .room(let bytes): $0.append(UInt64(bytes) + 1)
                }
                $0.append(failure.description)
            }
        case .done: frame(.done)
        case .failed(let failure): frame(.failed) { failure.write(to: &$0) }
        case .folded(let folding): frame(.folded) { $0.append(folding.code) }
        case .closed(let closing): frame(.closed) { $0.append(closing) { $0.append($1 == .clean) } }
        case .committed(let place, let commit):
            frame(.committed) {
                $0.append(place)
                $0.append(commit)
            }
        case .wantsCut(let place): frame(.wantsCut) { $0.append(place) }
        case .filesDoNotOpen(let place): frame(.filesDoNotOpen) { $0.append(place) }
        case .wantsFiles(let place): frame(.wantsFiles) { $0.append(place) }
        case .pong: frame(.pong)
        case .counted(let counter, let count):
            frame(.counted) {
                $0.append(counter.rawValue)
                $0.append(count)
            }
        }
    }

    init(_ kind: UInt8, _ reader: inout FrameReader) throws(FrameError) {
        switch Kind(rawValue: kind) {
        case .ready:
            let count = try reader.uint32()
            guard count <= 64 else { throw FrameError("\(count) limits are missing") }
            var missing: [String] = []
            for _ in 0..<count { missing.append(try reader.text()) }
            self = .ready(missing: missing)
        case .opened: self = .opened
        case .openingFailed: self = .openingFailed(try OpeningFailure(&reader))
        case .answer:
            let (answer, spooled) = try HostAnswer.read(&reader)
            self = .answer(answer, spooled)
        case .piece:
            guard try reader.flag() else {
                self = .piece(nil, nil)
                break
            }
            let basis = try Basis(&reader)
            let isLast = try reader.flag()
            let (lines, spooled) = try reader.bulk()
            self = .piece(CursorPiece(lines: lines, basis: basis, isLast: isLast), spooled)
        case .cut:
            guard try reader.flag() else {
                self = .cut(.nothing(through: try reader.uint64()), nil)
                break
            }
            let (cut, spooled) = try Cut.read(&reader)
            self = .cut(.cut(cut), spooled)
        case .cutFailed:
            let remedy: CaptureError.Remedy = switch try reader.uint64() {
            case 0: .tryAgain
            case 1: .captureAll
            case let room: .room(bytes: Int(clamping: room - 1))
            }
            self = .cutFailed(CutFailure(remedy: remedy, description: try reader.text()))
        case .done: self = .done
        case .failed: self = .failed(try HostFailure(&reader))
        case .folded:
            let code = try reader.uint8()
            guard let folding = Folding(code: code) else { throw FrameError("a folding that is \(code)") }
            self = .folded(folding)
        case .closed: self = .closed(try reader.flag() ? (try reader.flag() ? .clean : .dirty) : nil)
        case .committed: self = .committed(place: try reader.uint64(), commit: try reader.uint64())
        case .wantsCut: self = .wantsCut(place: try reader.uint64())
        case .filesDoNotOpen: self = .filesDoNotOpen(place: try reader.uint64())
        case .wantsFiles: self = .wantsFiles(place: try reader.uint64())
        case .pong: self = .pong
        case .counted: self = .counted(try reader.named(HostCounter.self), try reader.uint64())
        case nil: throw FrameError("no message is of kind \(kind)")
        }
        try reader.finish()
    }
}

extension HostAnswer {
    fileprivate func write(to frame: inout FrameWriter, _ spooled: SpooledFile?) {
        basis.write(to: &frame)
        frame.append(stream)
        frame.append(cursor)
        frame.append(mayBeMadeAgain)
        switch content {
        case .failure(let error):
            frame.append(false)
            frame.append(error)
        case .success(let reply):
            frame.append(true)
            frame.append(UInt32(truncatingIfNeeded: reply.status))
            frame.append(reply.contentType)
            frame.appendBulk(reply.body, spooled)
        }
    }

    fileprivate static func read(_ reader: inout FrameReader) throws(FrameError) -> (HostAnswer, SpooledFile?) {
        let basis = try Basis(&reader)
        let stream = try reader.optionalUInt64(), cursor = try reader.optionalUInt64()
        let mayBeMadeAgain = try reader.flag()
        var answer: HostAnswer, file: SpooledFile?
        if try reader.flag() {
            let status = Int(try reader.uint32())
            guard 100...599 ~= status else { throw FrameError("a status of \(status)") }
            let contentType = try reader.text()
            let (body, spooled) = try reader.bulk()
            file = spooled
            answer = HostAnswer(
                .success(HostReply(status: status, contentType: contentType, body: body)), basis, stream: stream, cursor: cursor)
        } else {
            answer = HostAnswer(.failure(try reader.berthError()), basis, stream: stream, cursor: cursor)
        }
        answer.mayBeMadeAgain = mayBeMadeAgain
        return (answer, file)
    }
}

extension Basis {
    fileprivate func write(to frame: inout FrameWriter) {
        frame.append(commit)
        frame.append(UInt8((showsData ? 1 : 0) | (mayHaveCommitted ? 2 : 0)))
    }

    fileprivate init(_ reader: inout FrameReader) throws(FrameError) {
        let commit = try reader.uint64()
        let flags = try reader.uint8()
        guard flags < 4 else { throw FrameError("a basis of \(flags)") }
        self.init(commit: commit, showsData: flags & 1 != 0, mayHaveCommitted: flags & 2 != 0)
    }
}

extension Cut {
    fileprivate func write(to frame: inout FrameWriter, _ spooled: SpooledFile?) {
        frame.append(commit)
        frame.append(position)
        frame.append(pageSize)
        frame.append(createdAt)
        // What lies in a file of its own goes over as that.
        if spooled == nil, case .bytes(let bytes) = contents { frame.appendBulk(bytes, nil) } else { frame.appendBulk([], spooled) }
    }

    fileprivate static func read(_ reader: inout FrameReader) throws(FrameError) -> (Cut, SpooledFile?) {
        let commit = try reader.uint64()
        let position = try reader.position()
        let pageSize = try reader.int()
        let createdAt = try reader.int64()
        let (bytes, spooled) = try reader.bulk()
        return (Cut(commit: commit, position: position, pageSize: pageSize, createdAt: createdAt, contents: .bytes(bytes)), spooled)
    }
}

extension Folding {
    fileprivate var code: UInt8 {
        switch self {
        case .folded: 0
        case .mustCut: 1
        case .failed: 2
        }
    }

    fileprivate init?(code: UInt8) {
        switch code {
        case 0: self = .folded
        case 1: self = .mustCut
        case 2: self = .failed
        default: return nil
        }
    }
}

extension HostFailure {
    fileprivate func write(to frame: inout FrameWriter) {
        switch self {
        case .engine(let error):
            frame.append(UInt8(0))
            frame.append(error)
        case .engineMissing(let message):
            frame.append(UInt8(1))
            frame.append(message)
        case .hostLost(let reason):
            frame.append(UInt8(2))
            frame.append(reason)
        }
    }

    fileprivate init(_ reader: inout FrameReader) throws(FrameError) {
        switch try reader.uint8() {
        case 0: self = .engine(try reader.sqlError())
        case 1: self = .engineMissing(try reader.text())
        case 2: self = .hostLost(try reader.text())
        case let other: throw FrameError("no failure is \(other)")
        }
    }
}

extension OpeningFailure {
    fileprivate func write(to frame: inout FrameWriter) {
        switch self {
        case .host(let failure):
            frame.append(UInt8(0))
            failure.write(to: &frame)
        case .unproven: frame.append(UInt8(1))
        case .disk(let reason):
            frame.append(UInt8(2))
            frame.append(reason)
        case .tooManyFiles: frame.append(UInt8(3))
        case .quarantined(let quarantined):
            frame.append(UInt8(4))
            frame.append(quarantined.reason)
            frame.append(quarantined.remaining.milliseconds)
            frame.append(quarantined.refusals)
        }
    }

    fileprivate init(_ reader: inout FrameReader) throws(FrameError) {
        switch try reader.uint8() {
        case 0: self = .host(try HostFailure(&reader))
        case 1: self = .unproven
        case 2: self = .disk(try reader.text())
        case 3: self = .tooManyFiles
        case 4:
            let reason = try reader.text()
            self = .quarantined(Quarantined(reason: reason, remaining: .milliseconds(try reader.int64()), refusals: try reader.int()))
        case let other: throw FrameError("no failure is \(other)")
        }
    }
}
