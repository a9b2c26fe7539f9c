import Glibc

/// Finds out which process is at the other end of a connection over the loopback address.
///
/// It reads the kernel's tables, which takes a moment: not for event loops.
enum SocketOwner {
    /// - Parameters:
    ///   - port: the port the process connected from.
    ///   - candidates: processes it may be.
    /// - Returns: `nil` when it is none of them.
    static func process(ofPort port: Int, among candidates: [Int32]) -> Int32? {
        guard let inode = inode(ofPort: port) else { return nil }
        let wanted = "socket:[\(inode)]".utf8.map { CChar(bitPattern: $0) }
        return candidates.first { holds(wanted, $0) }
    }

    /// The inode of the socket bound to 127.0.0.1:`port`, from `/proc/net/tcp` (fields: number, local address, remote
    /// address, state, queues, timer, retransmits, user, timeout, inode).
    private static func inode(ofPort port: Int) -> String? {
        let digits = String(port, radix: 16, uppercase: true)
        let local = ": 0100007F:\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits) "
        let fieldsAfterLocal = 7
        // Ends with a zero, as C's search needs it.
        let table = (KernelFile.bytes("/proc/net/tcp") + [0]).map { CChar(bitPattern: $0) }
        return table.withUnsafeBufferPointer { table -> String? in
            guard var rest = UnsafePointer(table.baseAddress) else { return nil }
            while let found = strstr(rest, local) {
                rest = UnsafePointer(found) + local.utf8.count
                guard let end = strchr(rest, Int32(UInt8(ascii: "\n"))) else { return nil }
                let line = UnsafeBufferPointer(start: rest, count: UnsafePointer(end) - rest)
                let fields = line.split(separator: CChar(UInt8(ascii: " ")))
                guard fields.count > fieldsAfterLocal else { continue }
                // A connection that is closed has none.
                let inode = String(decoding: fields[fieldsAfterLocal].map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if inode != "0" { return inode }
            }
            return nil
        }
    }

    /// Whether a process has a descriptor of this name.
    private static func holds(_ wanted: [CChar], _ pid: Int32) -> Bool {
        guard let directory = opendir("/proc/\(pid)/fd") else { return false }
        defer { closedir(directory) }
        var target = [CChar](repeating: 0, count: 64)
        while let entry = readdir(directory) {
            // The name is an array of C in the entry, ended by a zero.
            let length = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { readlinkat(dirfd(directory), $0, &target, target.count) }
            }
            if length == wanted.count, target.prefix(length).elementsEqual(wanted) { return true }
        }
        return false
    }
}
