import Engines
import FleetModel

extension OpenDatabase {
    /// Opens the files as they are known to be, and writes what they are for the next process.
    ///
    /// - Parameter descriptors: those that were taken for it.
    static func open(
        _ opening: DatabaseOpening, by engine: any Engine, for owner: any DatabaseOwner, in host: HostEnvironment, descriptors: Int
    ) throws(OpeningFailure) -> OpenDatabase {
        let copy = LocalCopy(database: opening.database, in: opening.directory)
        return try host.upkeep(of: opening.database, at: copy.filePath, by: engine) { () throws(OpeningFailure) in
            try open(opening, copy, by: engine, for: owner, in: host, descriptors: descriptors)
        }
    }

    private static func open(
        _ opening: DatabaseOpening, _ copy: LocalCopy, by engine: any Engine, for owner: any DatabaseOwner, in host: HostEnvironment, descriptors: Int
    ) throws(OpeningFailure) -> OpenDatabase {
        var marks = CaptureMarks(copy: opening.copy, epoch: opening.epoch, head: opening.head, published: nil)
        let database: any EngineDatabase
        do throws(SQLError) {
            switch opening.content {
            case .head:
                database = try engine.open(copy.filePath, base: opening.head == .origin ? .empty : .restored, settings: opening.settings)
                marks.published = database.captureMark
            case .older:
                // Nothing counts as captured: the first changeset has everything, and so needs nothing of what is between. The files do not
                // follow from the head: only what is published next can be gone on from.
                database = try engine.open(copy.filePath, base: .empty, settings: opening.settings)
            case .left(let watermark):
                // At the origin everything in the files is this node's: they are captured whole.
                let mark = watermark.point(at: opening.head, in: opening.epoch)?.mark
                database = try engine.open(copy.filePath, base: mark.map { .continued($0) } ?? .empty, settings: opening.settings)
                guard mark == nil ? opening.head == .origin : database.isProven else {
                    database.close()
                    throw SQLError.unproven
                }
                marks.published = mark
            case .kept(let watermark):
                // What was committed under this very lease is in the files, whatever can be proven of them.
                let mark = watermark?.point(at: opening.tip, in: opening.epoch)?.mark
                database = try engine.open(copy.filePath, base: mark.map { .continued($0) } ?? .empty, settings: opening.settings)
                // Not proven, they still hold what was captured up to there, and commits of this lease.
                let kept = database.isProven ? mark : mark.flatMap(database.markAfterCheckpoint)
                if opening.tip == opening.head {
                    marks.published = kept
                } else {
                    marks.published = watermark?.point(at: opening.head, in: opening.epoch)?.mark
                    marks.didCut(opening.tip, kept)
                }
            }
        } catch {
            if error == .unproven { throw .unproven }
            throw .host(.engine(error))
        }
        do throws(BerthError) {
            // From here on they are this epoch's: should this process die as well, the next one may go on. What an older state is has no mark.
            if case .older = opening.content {} else { try copy.write(marks.watermark) }
        } catch {
            // Without it a crash costs what is committed and not shipped: allowed for a copy that holds nothing more, not for one that does.
            if opening.content != .head {
                database.close()
                throw .disk(error.message)
            }
        }
        return OpenDatabase(database, of: engine, opening, marks: marks, descriptors: descriptors, owner: owner, in: host)
    }
}

extension SQLError {
    /// Never leaves this file.
    fileprivate static let unproven = SQLError(code: "UNPROVEN", message: "")
}
