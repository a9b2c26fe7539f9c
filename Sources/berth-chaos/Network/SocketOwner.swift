import Foundation

/// Finds out which process is at the other end of a connection over the loopback address.
enum SocketOwner {
    /// - Parameters:
    ///   - port: the port the process connected from.
    ///   - candidates: processes it may be.
    /// - Returns: `nil` when it is none of them.
    static func process(ofPort port: Int, among candidates: [Int32]) -> Int32? {
        guard let inode = inode(ofPort: port) else { return nil }
        let wanted = "socket:[\(inode)]"
        return candidates.first { pid in
            let directory = "/proc/\(pid)/fd"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
            return names.contains { (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")) == wanted }
        }
    }

    /// The inode of the socket bound to 127.0.0.1:`port`, from `/proc/net/tcp` (fields: number, local address, remote
    /// address, state, queues, timer, retransmits, user, timeout, inode).
    private static func inode(ofPort port: Int) -> Substring? {
        let hexadecimal = String(port, radix: 16, uppercase: true)
        let local = ("0100007F:" + String(repeating: "0", count: max(0, 4 - hexadecimal.count)) + hexadecimal)
        for line in KernelFile.text("/proc/net/tcp").split(separator: "\n").dropFirst() where line.contains(local) {
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[1] == local, fields[9] != "0" else { continue }
            return fields[9]
        }
        return nil
    }
}
