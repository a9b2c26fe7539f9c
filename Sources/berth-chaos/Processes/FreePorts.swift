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

    /// - Returns: a socket that holds the port; `nil` when somebody else does.
    private static func bind(_ port: Int) -> Int32? {
        var hints = addrinfo(), found: UnsafeMutablePointer<addrinfo>?
        hints.ai_family = AF_INET
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        guard getaddrinfo("127.0.0.1", String(port), &hints, &found) == 0, let address = found?.pointee else { return nil }
        defer { freeaddrinfo(found) }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        guard Glibc.bind(descriptor, address.ai_addr, address.ai_addrlen) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
