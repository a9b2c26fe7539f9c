import CDuckDB
import FleetModel
import Foundation
import Synchronization

/// The database that DuckDB has open, for those who connect to it from other threads.
final class OpenDuckDB: Sendable {
    /// Its address; 0 while it is closed, which it is only while nobody connects.
    private let address: Mutex<UInt>

    init(_ database: duckdb_database) { address = Mutex(UInt(bitPattern: database)) }

    func set(_ database: duckdb_database?) { address.withLock { $0 = database.map { UInt(bitPattern: $0) } ?? 0 } }

    var database: duckdb_database? { address.withLock { duckdb_database(bitPattern: $0) } }
}

extension DuckDBDatabase {
    /// They share the files and the memory of the database; each reads in transactions that DuckDB keeps from writing.
    static func makeReaders(
        _ files: DuckDBFiles, _ opened: OpenDuckDB, _ library: DuckDBLibrary, _ options: DuckDBOptions, _ health: DuckDBHealth,
        _ catalogue: DuckDBCatalogue, _ deadlines: DeadlineWatch, _ marks: CommitMarks
    ) -> EngineReaders {
        let path = files.main
        return EngineReaders(
            takesDescriptors: false, isUsable: { !health.isInvalid }, mark: { _ in marks.mark(DuckDBFiles(path).loggedBytes) },
            connect: { () throws(SQLError) in
                guard let database = opened.database else { throw DuckDBErrorCode.closed }
                return try DuckDBConnection(
                    to: database, quota: DuckDBQuota(path: path, maximumBytes: options.maximumBytes), library: library, options: options,
                    health: health, catalogue: catalogue, deadlines: deadlines)
            })
    }
}

extension DuckDBFiles {
    /// Bytes of the WAL, and of the one beside it while DuckDB checkpoints; every commit is in one of them, if only as a reference to blocks, before anybody
    /// sees what it did. `nil` when that cannot be asked.
    var loggedBytes: UInt64? {
        do throws(FileFailure) { return UInt64(try FileSystem.size(wal) ?? 0) + UInt64(try FileSystem.size(checkpointLog) ?? 0) } catch { return nil }
    }
}

extension DuckDBConnection: ReadingConnection {
    func becomeReady() -> Bool {
        guard isOpen else { return false }
        endOpenWork()
        return (try? rollback()) != nil && !isMarked
    }
}
