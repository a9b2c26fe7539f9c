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
        let wanted = Array("socket:[\(inode)]".utf8)
        return candidates.first { holds(wanted, $0) }
    }

    /// The inode of the socket bound to 127.0.0.1:`port`, from `/proc/net/tcp` (fields: number, local address, remote
    /// address, state, queues, timer, retransmits, user, timeout, inode).
    private static func inode(ofPort port: Int) -> String? {
        let table = KernelFile.bytes("/proc/net/tcp")
        let digits = String(port, radix: 16, uppercase: true)
        let local = Array(": 0100007F:\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits) ".utf8)
        let fieldsAfterLocal = 7
        return table.withUnsafeBytes { table -> String? in
            var start = 0
            while start < table.count, let base = table.baseAddress,
                let found = memmem(base + start, table.count - start, local, local.count)
            {
                start = found - UnsafeMutableRawPointer(mutating: base) + local.count
                let line = table[start...].prefix { $0 != UInt8(ascii: "\n") }
                let fields = line.split(separator: UInt8(ascii: " "))
                guard fields.count > fieldsAfterLocal else { continue }
                // A connection that is closed has none.
                let inode = String(decoding: fields[fieldsAfterLocal], as: UTF8.self)
                if inode != "0" { return inode }
            }
            return nil
        }
    }

    /// Whether a process has a descriptor of this name.
    private static func holds(_ wanted: [UInt8], _ pid: Int32) -> Bool {
        guard let directory = opendir("/proc/\(pid)/fd") else { return false }
        defer { closedir(directory) }
        var target = [UInt8](repeating: 0, count: 64)
        while let entry = readdir(directory) {
            // The name is an array of C in the entry, ended by a zero.
            let length = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    target.withUnsafeMutableBytes { target in
                        readlinkat(dirfd(directory), name, target.baseAddress?.assumingMemoryBound(to: CChar.self), target.count)
                    }
                }
            }
            if length == wanted.count, target.prefix(length).elementsEqual(wanted) { return true }
        }
        return false
    }
}
