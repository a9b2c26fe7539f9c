import CSQLite
import FleetModel
import Synchronization

/// The files of one connection as SQLite is given them: the system's own, except that what makes the log or a temporary file longer is counted, and
/// refused when the database may not have it.
///
/// For SQLite a refused write is one that found the disk full: the statement fails, and what it did is undone. Everything else goes to the
/// system's functions directly, so that reading and locking cost nothing more.
///
/// Source: <https://www.sqlite.org/vfs.html>. The system's object for a file is the beginning of ours, and only three of its methods are replaced.
final class SQLiteFiles {
    /// What SQLite is given as its file system. It hands it back, so that the connection is known also for files without a name.
    private struct System {
        var vfs: sqlite3_vfs
        var original: UnsafeMutablePointer<sqlite3_vfs>
        var owner: Unmanaged<SQLiteFiles>
    }

    /// Behind the system's object for a file.
    fileprivate struct Counted {
        enum Kind { case main, log, temporary }
        var methods: UnsafePointer<sqlite3_io_methods>
        /// Outlives its files: a connection closes them before it goes.
        var owner: Unmanaged<SQLiteFiles>
        var kind: Kind
        var size: Int64
    }

    let use: SQLiteDiskUse
    /// Of all files of the database, for the statement that runs; `nil` for one that does not add to it.
    var ceiling: Int64?
    /// Why a write of the statement that runs was refused.
    private var refusal: SQLiteDiskUse.Refusal?
    private let system: UnsafeMutablePointer<System>
    private let name: UnsafeMutablePointer<CChar>
    /// SQLite looks it up when it opens a database, and for VACUUM once more. Otherwise it stays out of SQLite's list, which is searched from
    /// one end to the other.
    var isFoundByName = false {
        didSet {
            guard isFoundByName != oldValue else { return }
            if isFoundByName { sqlite3_vfs_register(vfs, 0) } else { sqlite3_vfs_unregister(vfs) }
        }
    }

    /// - Throws: `SQLITE_MISUSE` when SQLite has no files at all.
    init(_ use: SQLiteDiskUse) throws(SQLError) {
        guard let original = sqlite3_vfs_find(nil) else { throw SQLError(code: "SQLITE_MISUSE", message: "SQLite was built without files") }
        invariant(MemoryLayout<System>.offset(of: \.vfs) == 0, "what SQLite hands back is not the beginning of what it was given")
        self.use = use
        system = .allocate(capacity: 1)
        let text = "berth-\(UInt(bitPattern: system))"
        let characters = Array(text.utf8CString)
        name = .allocate(capacity: characters.count)
        name.initialize(from: characters, count: characters.count)
        var vfs = original.pointee
        vfs.pNext = nil
        vfs.zName = UnsafePointer(name)
        vfs.szOsFile = Int32(Self.offset(original) + MemoryLayout<Counted>.stride)
        vfs.xOpen = { vfs, name, file, flags, flagsOut in
            guard let vfs, let file else { return SQLITE_MISUSE }
            let system = UnsafeMutableRawPointer(vfs).assumingMemoryBound(to: System.self)
            let original = system.pointee.original
            let code = original.pointee.xOpen(original, name, file, flags, flagsOut)
            guard code == SQLITE_OK else { return code }
            system.pointee.owner.takeUnretainedValue().opened(file, flags, offset: SQLiteFiles.offset(original))
            return code
        }
        system.initialize(to: System(vfs: vfs, original: original, owner: .passUnretained(self)))
    }

    deinit {
        if isFoundByName { sqlite3_vfs_unregister(vfs) }
        system.deinitialize(count: 1)
        system.deallocate()
        name.deallocate()
    }

    private var vfs: UnsafeMutablePointer<sqlite3_vfs> { UnsafeMutableRawPointer(system).assumingMemoryBound(to: sqlite3_vfs.self) }

    /// Runs `body`, which opens a database, with the name of these files.
    func opening<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        isFoundByName = true
        defer { isFoundByName = false }
        return body(name)
    }

    // MARK: Statements

    /// A statement begins that does not add to the database, unless that is said.
    func begin(ceiling: Int64? = nil) {
        self.ceiling = ceiling
        refusal = nil
    }

    /// Why SQLite found the disk full: it did not.
    func takeRefusal() -> SQLError? {
        defer { refusal = nil }
        return refusal.map(use.error)
    }

    // MARK: Files

    /// Where ours begins, behind the system's.
    private static func offset(_ original: UnsafeMutablePointer<sqlite3_vfs>) -> Int {
        let alignment = MemoryLayout<Counted>.alignment
        return (Int(original.pointee.szOsFile) + alignment - 1) / alignment * alignment
    }

    private func opened(_ file: UnsafeMutablePointer<sqlite3_file>, _ flags: Int32, offset: Int) {
        let kind: Counted.Kind
        switch flags & Self.kinds {
        case SQLITE_OPEN_MAIN_DB: kind = .main
        case SQLITE_OPEN_WAL: kind = .log
        case SQLITE_OPEN_TEMP_DB, SQLITE_OPEN_TRANSIENT_DB, SQLITE_OPEN_TEMP_JOURNAL, SQLITE_OPEN_SUBJOURNAL: kind = .temporary
        default: return
        }
        guard let methods = file.pointee.pMethods else { return }
        var size: sqlite3_int64 = 0
        if kind != .temporary, methods.pointee.xFileSize(file, &size) == SQLITE_OK { if kind == .main { use.mainIs(size) } else { use.logIs(size) } }
        UnsafeMutableRawPointer(file).advanced(by: offset).initializeMemory(
            as: Counted.self, to: Counted(methods: methods, owner: .passUnretained(self), kind: kind, size: 0))
        file.pointee.pMethods = SQLiteFileMethods.counting(methods, offset)
    }

    private static let kinds = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_TEMP_DB | SQLITE_OPEN_TRANSIENT_DB | SQLITE_OPEN_TEMP_JOURNAL
        | SQLITE_OPEN_SUBJOURNAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL

    /// Before bytes up to `end` are written.
    ///
    /// - Returns: whether they may be.
    fileprivate func mayWrite(to end: Int64, _ file: inout Counted) -> Bool {
        let refusal = switch file.kind {
        case .main: SQLiteDiskUse.Refusal?.none
        case .log: end > use.log ? use.refusal(ofLog: end - use.log, ceiling: ceiling) : nil
        case .temporary: end > file.size ? use.refusal(ofTemporary: end - file.size, ceiling: ceiling) : nil
        }
        guard let refusal else { return true }
        self.refusal = refusal
        return false
    }

    fileprivate func wrote(to end: Int64, _ file: inout Counted) {
        switch file.kind {
        case .main: use.mainReaches(end)
        case .log: use.logReaches(end)
        case .temporary where end > file.size:
            use.temporaryGrew(by: end - file.size)
            file.size = end
        case .temporary: break
        }
    }

    fileprivate func cut(to size: Int64, _ file: inout Counted) {
        switch file.kind {
        case .main: use.mainIs(size)
        case .log: use.logIs(size)
        case .temporary:
            use.temporaryGrew(by: size - file.size)
            file.size = size
        }
    }

    fileprivate func closes(_ file: Counted) { if file.kind == .temporary { use.temporaryGrew(by: -file.size) } }
}

/// The methods of files that are counted: the system's, with three of our own.
private enum SQLiteFileMethods {
    /// One for each that the system has; there are a few, and they are kept for good. Addresses.
    private static let known = Mutex<[UInt: UInt]>([:])
    private static let offset = Atomic<Int>(0)

    static func counting(_ methods: UnsafePointer<sqlite3_io_methods>, _ offset: Int) -> UnsafePointer<sqlite3_io_methods>? {
        self.offset.store(offset, ordering: .relaxed)
        return known.withLock { known in
            let key = UInt(bitPattern: methods)
            if let made = known[key] { return UnsafePointer(bitPattern: made) }
            var counting = methods.pointee
            counting.xClose = { file in
                guard let file else { return SQLITE_MISUSE }
                let counted = SQLiteFileMethods.counted(file).pointee
                counted.owner.takeUnretainedValue().closes(counted)
                file.pointee.pMethods = counted.methods
                return counted.methods.pointee.xClose(file)
            }
            counting.xWrite = { file, bytes, count, offset in
                guard let file else { return SQLITE_MISUSE }
                let counted = SQLiteFileMethods.counted(file)
                let files = counted.pointee.owner.takeUnretainedValue()
                let end = offset + Int64(count)
                guard files.mayWrite(to: end, &counted.pointee) else { return SQLITE_FULL }
                // A write that fails may have arrived in part.
                files.wrote(to: end, &counted.pointee)
                return counted.pointee.methods.pointee.xWrite(file, bytes, count, offset)
            }
            counting.xTruncate = { file, size in
                guard let file else { return SQLITE_MISUSE }
                let counted = SQLiteFileMethods.counted(file)
                let code = counted.pointee.methods.pointee.xTruncate(file, size)
                if code == SQLITE_OK { counted.pointee.owner.takeUnretainedValue().cut(to: size, &counted.pointee) }
                return code
            }
            let made = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
            made.initialize(to: counting)
            known[key] = UInt(bitPattern: made)
            return UnsafePointer(made)
        }
    }

    static func counted(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<SQLiteFiles.Counted> {
        UnsafeMutableRawPointer(file).advanced(by: offset.load(ordering: .relaxed)).assumingMemoryBound(to: SQLiteFiles.Counted.self)
    }
}
