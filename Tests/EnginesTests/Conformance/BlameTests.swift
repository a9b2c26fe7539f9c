import Engines
import FleetModel
import Testing

/// What an opening fails by: the same files fail everywhere, or this machine lacks something.
@Suite struct BlameTests {
    @Test(arguments: [
        "Input/output error", "Cannot allocate memory", "No space left on device", "Too many open files", "Too many open files in system",
    ])
    func aLogThatTheDiskDoesNotGiveIsNotDamaged(system: String) {
        let message = "Failure while replaying WAL file \"db.wal\": Could not read from file \"db.wal\": \(system)"
        #expect(!SQLError(code: "DUCKDB_IO", message: message).blamesFiles)
    }

    @Test func aLogThatCannotBeReplayedIsDamaged() {
        let message = "Failure while replaying WAL file \"db.wal\": Could not read enough bytes from file \"db.wal\": attempted to read 8 bytes"
        #expect(SQLError(code: "DUCKDB_IO", message: message).blamesFiles)
        #expect(SQLError(code: "DUCKDB_SERIALIZATION", message: "Failed to deserialize").blamesFiles)
        #expect(SQLError(code: "SQLITE_CORRUPT", message: "database disk image is malformed").blamesFiles)
        #expect(!SQLError(code: "SQLITE_IOERR", message: "disk I/O error").blamesFiles)
    }
}
