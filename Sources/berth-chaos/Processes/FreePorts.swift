import Glibc

/// Ports for servers that are started more than once on the same one.
enum FreePorts {
    /// Below the range that the system gives to outgoing connections, which could take a port while its server is down.
    private static let range = 10_240..<30_000

    /// - Throws: `ChaosError` when there are not as many.
    static func choose(_ count: Int) throws -> [Int] {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        var ports: [Int] = []
        for port in range.shuffled() where ports.count < count {
            guard let descriptor = bind(port) else { continue }
            held.append(descriptor)
            ports.append(port)
        }
        guard ports.count == count else { throw ChaosError("There are not \(count) free ports.") }
        return ports
    }

    private static func bind(_ port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isBound else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
