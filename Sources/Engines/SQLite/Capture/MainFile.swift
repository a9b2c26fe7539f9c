import CSQLite

/// The main file, read through SQLite's own descriptor, past its page cache: closing another descriptor on it would drop
/// SQLite's POSIX locks.
struct MainFile {
    private let connection: SQLiteConnection

    init(_ connection: SQLiteConnection) { self.connection = connection }

    /// Bytes in the file.
    func size() throws(CaptureError) -> Int {
        guard let handle = connection.handle else { throw .engine(SQLiteConnection.closed) }
        var size: sqlite3_int64 = 0
        let code = berth_sqlite_file_size(handle, &size)
        guard code == SQLITE_OK else { throw .engine(connection.failure(code)) }
        return Int(size)
    }

    /// Fills `buffer` from `offset`; what lies beyond the end of the file is zero.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(CaptureError) {
        guard let handle = connection.handle else { throw .engine(SQLiteConnection.closed) }
        let code = berth_sqlite_file_read(handle, buffer.baseAddress, Int32(buffer.count), sqlite3_int64(offset))
        guard code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ_CODE else { throw .engine(connection.failure(code)) }
    }

    /// Whether the header says WAL; `false` for an empty file.
    ///
    /// Source: bytes 18 and 19 in "The Database Header", <https://www.sqlite.org/fileformat2.html>.
    func isInWALMode() throws(CaptureError) -> Bool {
        let header = try header()
        return header[18] == 2 && header[19] == 2
    }

    /// Pages of the database as far as the main file knows them.
    ///
    /// Source: the in-header size is valid when the change counter equals the version-valid-for number, ibid.
    func pageCount(pageSize: Int) throws(CaptureError) -> Int {
        let header = try header()
        let (inHeader, changeCounter, validFor) = header.withUnsafeBytes {
            ($0.bigEndianUInt32(at: 28), $0.bigEndianUInt32(at: 24), $0.bigEndianUInt32(at: 92))
        }
        if inHeader > 0 && changeCounter == validFor { return Int(inHeader) }
        return try size() / pageSize
    }

    /// Its first 100 bytes, zeros where there are fewer. In WAL mode only a checkpoint changes them.
    func header() throws(CaptureError) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 100)
        try header.withUnsafeMutableBufferPointer { buffer throws(CaptureError) in
            try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        return header
    }
}

/// `SQLITE_IOERR_SHORT_READ`, a macro Swift does not import. SQLite has then filled the rest with zeros.
private let SQLITE_IOERR_SHORT_READ_CODE = SQLITE_IOERR | (2 << 8)
