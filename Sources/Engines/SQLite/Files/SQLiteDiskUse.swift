import FleetModel
import Synchronization

/// Bytes that the files of one database take on the disk, as SQLite writes them, and how many they may. Shared by its connections, on any thread.
///
/// The index of the log is left out: it takes less than a hundredth of the log.
final class SQLiteDiskUse: Sendable {
    let maximumBytes: Int64
    let maximumTemporaryBytes: Int64
    let freeLogBytes: Int64
    /// `nil` where nobody looks at the disk.
    let disk: DiskRoom?
    private let mainBytes = Atomic<Int64>(0)
    private let logBytes = Atomic<Int64>(0)
    private let temporaryBytes = Atomic<Int64>(0)

    init(_ options: SQLiteOptions, disk: DiskRoom?) {
        maximumBytes = options.maximumBytes
        maximumTemporaryBytes = options.maximumTemporaryFileBytes
        freeLogBytes = options.freeLogBytes
        self.disk = disk
    }

    var main: Int64 { mainBytes.load(ordering: .relaxed) }
    var log: Int64 { logBytes.load(ordering: .relaxed) }
    /// Of all statements together.
    var temporary: Int64 { temporaryBytes.load(ordering: .relaxed) }
    var total: Int64 { main + log + temporary }

    func mainIs(_ bytes: Int64) { mainBytes.store(bytes, ordering: .relaxed) }
    func mainReaches(_ end: Int64) { mainBytes.max(end, ordering: .relaxed) }
    func logIs(_ bytes: Int64) { logBytes.store(bytes, ordering: .relaxed) }
    func logReaches(_ end: Int64) { logBytes.max(end, ordering: .relaxed) }
    func temporaryGrew(by bytes: Int64) { temporaryBytes.add(bytes, ordering: .relaxed) }

    // MARK: What may grow

    /// What a write of `bytes` at the end of the log, or of a temporary file, would go beyond; `nil` when it may be done.
    ///
    /// - Parameter ceiling: of all files together, for a statement that adds to the database; `nil` for one that only changes, removes or reads
    ///   what is there. Such a statement may write everything there is into the log once more.
    func refusal(ofLog bytes: Int64, ceiling: Int64?) -> Refusal? {
        guard let ceiling else { return log + bytes > max(maximumBytes, freeLogBytes) ? .size : nil }
        return refusal(of: bytes, ceiling)
    }

    func refusal(ofTemporary bytes: Int64, ceiling: Int64?) -> Refusal? {
        if temporary + bytes > maximumTemporaryBytes { return .temporary }
        return ceiling.flatMap { refusal(of: bytes, $0) }
    }

    private func refusal(of bytes: Int64, _ ceiling: Int64) -> Refusal? {
        if total + bytes > ceiling && log + temporary + bytes > freeLogBytes { return .size }
        return disk?.hasRoom(afterWriting: bytes) ?? true ? nil : .disk
    }

    enum Refusal {
        case size, temporary, disk
    }

    func error(_ refusal: Refusal) -> SQLError {
        switch refusal {
        case .size:
            SQLError(
                code: "SQLITE_FULL",
                message: "the database has reached its largest size of \(maximumBytes) bytes, with its log (\(log)) and its temporary files "
                    + "(\(temporary)): delete or drop something, write in smaller transactions, or end long reads, which keep the log from being emptied")
        case .temporary: .temporaryFull(maximumTemporaryBytes)
        case .disk: .nodeDiskFull
        }
    }
}
