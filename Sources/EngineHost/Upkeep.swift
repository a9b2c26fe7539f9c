import Engines
import FleetModel
import Foundation

/// Work on files that no request asks for, one piece at a time: openings, captures, checkpoints, checks. No interruption ends it, so what is not done
/// in its time ends the process it runs in.
extension HostEnvironment {
    /// Does `body`, which reads or writes the files of `database` at `path`.
    ///
    /// - Parameters:
    ///   - database: which is to blame when it does not end; ``DatabaseID/nobody`` for none.
    ///   - engine: tells which files they are.
    func upkeep<Value, Failure>(
        of database: DatabaseID, at path: String, by engine: any Engine, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let work = watch.began(database, calls: [], deadline: now + settings.upkeepTime(bytes: engine.fileBytes(path)), for: nil)
        defer { watch.ended(work) }
        return try body()
    }
}

extension HostSettings {
    /// For files of so many bytes.
    func upkeepTime(bytes: Int) -> Duration { upkeepTimeout + .seconds(Double(bytes) / Double(Self.slowestBytesPerSecond)) }

    /// A disk that is slower than this is taken for one that has stopped.
    private static let slowestBytesPerSecond = 2 << 20
}

extension DatabaseID {
    /// No database ever has this identifier.
    static let nobody = DatabaseID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
}
