import NIOCore

/// Whom connections are counted for: an IPv4 address, or the /64 that one customer has of IPv6.
struct ClientAddress: Hashable, Sendable {
    private let isVersion4: Bool
    private let bits: UInt64

    private init(isVersion4: Bool, bits: UInt64) {
        self.isVersion4 = isVersion4
        self.bits = bits
    }

    /// `nil` for what has no such address, such as a Unix socket.
    init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        let bytes = address.withSockAddr { pointer, size in Array(UnsafeRawBufferPointer(start: pointer, count: size)) }
        switch address {
        // `sockaddr_in`: the address follows family and port.
        case .v4: self.init(version4: bytes[4..<8].reduce(0) { $0 << 8 | UInt32($1) })
        // `sockaddr_in6`: and the flow.
        case .v6: self.init(version6: Array(bytes[8..<24]))
        default: return nil
        }
    }

    init(version4 bits: UInt32) {
        self.init(isVersion4: true, bits: UInt64(bits))
    }

    /// - Parameter bytes: the 16 of the address. One that maps an IPv4 address counts as that.
    init(version6 bytes: [UInt8]) {
        let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = bytes.dropFirst(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if high == 0 && low >> 32 == 0xFFFF {
            self.init(version4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(isVersion4: false, bits: high)
        }
    }
}
