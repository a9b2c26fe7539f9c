import CSQLite
import Foundation
import Synchronization

/// Makes SQLite's own system calls fail for the files of one directory, as a full or failing disk does.
///
/// SQLite lets its system calls be replaced (`xSetSystemCall`, made for tests). Those of other directories go through.
enum DiskFaults {
    enum Target: String, CaseIterable {
        case main = "", wal = "-wal", index = "-shm"
    }

    private struct Rule {
        var path: String
        var error: Int32
        /// Calls that still succeed.
        var spared: Int
        /// A call that fails has written half of what it was given.
        var isPartial: Bool
        var failures = 0
    }

    private static let rules = Mutex<[Rule]>([])
    private static let isInstalled: Bool = {
        guard let vfs = sqlite3_vfs_find(nil), let set = vfs.pointee.xSetSystemCall else { return false }
        let write: @convention(c) (Int32, UnsafeRawPointer?, Int) -> Int = { descriptor, bytes, count in
            switch DiskFaults.verdict(descriptor, count) {
            case .pass: return Glibc.write(descriptor, bytes, count)
            case .fail(let error, let written):
                if written > 0 { return Glibc.write(descriptor, bytes, written) }
                errno = error
                return -1
            }
        }
        let pwrite: @convention(c) (Int32, UnsafeRawPointer?, Int, Int) -> Int = { descriptor, bytes, count, offset in
            switch DiskFaults.verdict(descriptor, count) {
            case .pass: return Glibc.pwrite(descriptor, bytes, count, offset)
            case .fail(let error, let written):
                if written > 0 { return Glibc.pwrite(descriptor, bytes, written, offset) }
                errno = error
                return -1
            }
        }
        for name in ["write", "pwrite", "pwrite64"] {
            // SQLite calls it with the signature of the call that it replaces.
            let call = name == "write" ? unsafeBitCast(write, to: sqlite3_syscall_ptr.self) : unsafeBitCast(pwrite, to: sqlite3_syscall_ptr.self)
            _ = set(vfs, name, call)
        }
        return true
    }()

    private enum Verdict { case pass, fail(Int32, written: Int) }

    private static func verdict(_ descriptor: Int32, _ count: Int) -> Verdict {
        rules.withLock { rules in
            guard !rules.isEmpty else { return .pass }
            var name = [CChar](repeating: 0, count: Int(PATH_MAX))
            let length = readlink("/proc/self/fd/\(descriptor)", &name, name.count - 1)
            guard length > 0 else { return .pass }
            let path = name.withUnsafeBytes { String(decoding: $0[..<length], as: UTF8.self) }
            guard let index = rules.firstIndex(where: { $0.path == path }) else { return .pass }
            if rules[index].spared > 0 {
                rules[index].spared -= 1
                return .pass
            }
            rules[index].failures += 1
            // The rest of a call that wrote half fails when SQLite tries to go on with it.
            return .fail(rules[index].error, written: rules[index].isPartial && rules[index].failures == 1 ? count / 2 : 0)
        }
    }

    /// Runs `body` while writes to `target` of the database at `path` fail with `error`, after `spared` that succeed.
    ///
    /// - Returns: how many calls failed.
    @discardableResult
    static func with(
        _ error: Int32, on target: Target, of path: String, sparing spared: Int = 0, partial: Bool = false, _ body: () throws -> Void
    ) throws -> Int {
        guard isInstalled else { throw PlainSQLite.Failure(message: "SQLite's system calls cannot be replaced") }
        let file = (path as NSString).resolvingSymlinksInPath + target.rawValue
        rules.withLock { $0.append(Rule(path: file, error: error, spared: spared, isPartial: partial)) }
        var failures = 0
        defer { rules.withLock { rules in rules.removeAll { $0.path == file } } }
        try body()
        rules.withLock { rules in failures = rules.first { $0.path == file }?.failures ?? 0 }
        return failures
    }
}
